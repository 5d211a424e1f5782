/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: SoftHSM2, a token in files. Test code only.
 */
#include "tests/matrix/kind.h"
#include "tests/matrix/tools.h"
#include "tests/worker/lab.h"

#define PIN "123456"
#define SO_PIN "12345678"
#define LABEL "Soft"

static const char *
module(void)
{
    return tb_test_lab_string("module");
}

static const char *const *
state(void)
{
    static const char *folders[3];

    folders[0] = tb_tools_path("softhsm");
    folders[1] = tb_tools_path("softhsm2.conf");
    return folders;
}

static const char *
missing(void)
{
    static const char *const paths[] = {"/usr/bin/softhsm2-util", "/usr/bin/pkcs11-tool",
                                        "/usr/bin/p11tool", NULL};

    return tb_tools_missing(paths, "packages softhsm2, opensc, gnutls-bin");
}

static void
put(const char *file, const char *type, const char *id, const char *usage)
{
    tb_test_lab_run(NULL, "pkcs11-tool", "--module", module(), "--token-label", LABEL, "--login",
                    "--pin", PIN, "--write-object", file, "--type", type, "--id", id, usage,
                    (char *)NULL);
}

static void
initialise(void)
{
    tb_test_lab_run(NULL, "softhsm2-util", "--init-token", "--free", "--label", LABEL, "--so-pin",
                    SO_PIN, "--pin", PIN, (char *)NULL);
}

static void
put_key(const char *user, const char *id)
{
    tb_test_lab_run(NULL, "softhsm2-util", "--import", tb_tools_person(user, "private_key"),
                    "--token", LABEL, "--label", user, "--id", id, "--pin", PIN, (char *)NULL);
}

static void
take_out(void)
{
    tb_test_lab_run(NULL, "find", tb_tools_path("softhsm"), "-mindepth", "1", "-delete",
                    (char *)NULL);
}

static void
put_person(const char *user, const char *id)
{
    put_key(user, id);
    put(tb_tools_person(user, "der"), "cert", id, NULL);
}

/* softhsm2-util cannot make a key that wants the PIN before each signature. */
static void
put_careful_person(const char *user, const char *id)
{
    put(tb_tools_person(user, "private_key"), "privkey", id, "--always-auth");
    put(tb_tools_person(user, "der"), "cert", id, NULL);
}

static void
make(void)
{
    g_autofree char *text = g_strdup_printf("directories.tokendir = %s\n"
                                            "objectstore.backend = file\n"
                                            "log.level = ERROR\n",
                                            tb_tools_path("softhsm"));

    tb_tools_write(tb_tools_path("softhsm2.conf"), text);
    tb_tools_make_folder(tb_tools_path("softhsm"));
    g_setenv("SOFTHSM2_CONF", tb_tools_path("softhsm2.conf"), TRUE);
    initialise();
    put_key("rsa", "01");
    tb_tools_put_private(module(), LABEL, PIN, "rsa", "01");
    tb_tools_copy(tb_tools_path("softhsm"), tb_tools_path("softhsm-hidden"));
    take_out();
    initialise();
    put_person("rsa", "01");
    put_careful_person("p256", "02");
    put_person("p384", "03");
    put_person("p521", "04");
    put_person("ed25519", "05");
    put(tb_tools_intermediate(), "cert", "a1", NULL);
    put(tb_tools_root(), "cert", "a0", NULL);
    tb_tools_copy(tb_tools_path("softhsm"), tb_tools_path("softhsm-made"));
}

static void
insert(void)
{
    tb_tools_copy(tb_tools_path("softhsm-made"), tb_tools_path("softhsm"));
}

static void
hide(void)
{
    tb_tools_copy(tb_tools_path("softhsm-hidden"), tb_tools_path("softhsm"));
}

const TbKind tb_kind_softhsm = {
    .name = "softhsm",
    .label = LABEL,
    .tokens = 1,
    .pin = PIN,
    .puk = SO_PIN,
    .other_pin = "654321",
    .bad_pin = "123",
    .people = {{"rsa", "RS256 RS384 RS512 PS256 PS384 PS512", FALSE},
               {"p256", "ES256", TRUE},
               {"p384", "ES384", FALSE},
               {"p521", "ES512", FALSE},
               {"ed25519", "EdDSA", FALSE}},
    .after_wrong = {"low"},
    .after_right = "ok",
    .right_gives_tries_back = TRUE,
    .no_lock = "SoftHSM never locks a PIN",
    .removed = "token_removed",
    .no_service = "its module needs no daemon",
    .module = module,
    .state = state,
    .strict_needs_state = TRUE,
    .missing = missing,
    .make = make,
    .refresh = insert,
    .remove = take_out,
    .insert = insert,
    .hide = hide,
};
