/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: a PIV card (tests/piv) in a virtual reader, through pcscd and OpenSC's module. Test
 * code only.
 */
#include "tests/matrix/kind.h"
#include "tests/matrix/tools.h"
#include "tests/piv/rig.h"

#define INS_VERIFY 0x20

static TbRig *rig;

static const char *
module(void)
{
    return g_getenv("TB_TEST_OPENSC");
}

static const char *const *
state(void)
{
    static const char *folders[2];

    folders[0] = tb_tools_path("opensc"); /* its cache */
    return folders;
}

static const char *
missing(void)
{
    const char *rig_missing = tb_rig_missing();
    const char *const paths[] = {module(), NULL};

    return rig_missing ? rig_missing : tb_tools_missing(paths, "package opensc-pkcs11");
}

static void
make(void)
{
    tb_tools_write(tb_tools_path("opensc.conf"),
                   "app default { framework pkcs15 { } pkcs11 { user_pin_unblock_style = "
                   "set_pin_in_unlogged_session; } }\n");
    g_setenv("OPENSC_CONF", tb_tools_path("opensc.conf"), TRUE);
    rig = tb_rig_new();
    tb_rig_start_service(rig, TRUE);
}

static void
insert(void)
{
    tb_rig_insert(rig, "yubikey");
}

static void
take_out(void)
{
    tb_rig_remove(rig);
}

/* Each time another state file, and another serial number: what OpenSC remembers of one card is not
 * of the next. */
static void
refresh(void)
{
    static guint number;
    g_autofree char *name = g_strdup_printf("card-%u", ++number);

    if (number > 1) {
        tb_rig_stop_card(rig);
        tb_rig_wait_card(rig, FALSE);
    }
    tb_rig_start_peoples_card(rig, number, name);
    insert();
}

static void
finish(void)
{
    g_clear_pointer(&rig, tb_rig_free);
}

static void
stop_service(void)
{
    tb_rig_stop_service(rig);
}

static void
start_service(void)
{
    tb_rig_start_service(rig, TRUE);
    tb_rig_wait_card(rig, TRUE);
}

static guint
pins_seen(void)
{
    return tb_rig_count(rig, INS_VERIFY);
}

const TbKind tb_kind_piv = {
    .name = "piv",
    .tokens = 1,
    .pin = TB_RIG_PIN,
    .puk = TB_RIG_PUK,
    .other_pin = "654321",
    .bad_pin = "123",
    .people = {{"rsa", "RS256 RS384 RS512 PS256 PS384 PS512", FALSE},
               {"p256", "ES256", TRUE},
               {"p384", "ES384", FALSE}},
    .after_wrong = {"ok", "ok", "ok", "final_try", "locked"},
    .after_right = "ok",
    .right_gives_tries_back = TRUE,
    .after_last = "final_try", /* OpenSC does not look again until the card is powered on anew */
    .locked_anew = "locked",
    .no_hidden = "a PIV card shows all certificates",
    .removed = "token_removed",
    .module = module,
    .state = state,
    .missing = missing,
    .make = make,
    .refresh = refresh,
    .stop_service = stop_service,
    .start_service = start_service,
    .finish = finish,
    .remove = take_out,
    .insert = insert,
    .pins_seen = pins_seen,
};
