/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: our own test token (tests/token), which does all that a token can. Test code only.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "tests/matrix/kind.h"
#include "tests/matrix/tools.h"
#include "tests/token/script.h"
#include "tests/worker/lab.h"

static const char *
module(void)
{
    return g_getenv("TB_TEST_TOKEN_MODULE");
}

static const char *const *
state(void)
{
    static const char *folders[3];

    folders[0] = tb_tools_path("test-token");
    folders[1] = tb_test_lab_string("dir");
    return folders;
}

/* Two objects of the script, the first with more members. */
static void
append_person(GString *objects, const char *user, const char *id, const char *certificate_members,
              const char *key_members)
{
    g_string_append_printf(objects,
                           "{\"class\": \"certificate\", \"file\": \"%s\", \"id\": \"%s\"%s},"
                           "{\"class\": \"private_key\", \"file\": \"%s\", \"id\": \"%s\"%s},",
                           tb_tools_person(user, "certificate"), id, certificate_members,
                           tb_tools_person(user, "private_key"), id, key_members);
}

/* In one step, so that the module never sees half of it. NULL: no token is in the slot. */
static void
write_script(const char *objects)
{
    g_autofree char *token =
        g_strdup_printf("{\"label\": \"Test token\", \"serial\": \"0001\", \"pin\": \"123456\", "
                        "\"so_pin\": \"12345678\", \"min_pin\": 6, \"objects\": [%s]}",
                        objects ? objects : "");
    g_autofree char *script = g_strdup_printf(
        "{\"log\": \"calls\", \"slots\": [{\"id\": 1, \"token\": %s}]}", objects ? token : "null");

    tb_tools_write(tb_tools_path("test-token/script.json"), script);
}

static void
make(void)
{
    tb_tools_make_folder(tb_tools_path("test-token"));
    g_setenv(TT_SCRIPT_VARIABLE, tb_tools_path("test-token/script.json"), TRUE);
}

static void
insert(void)
{
    g_autoptr(GString) objects = g_string_new(NULL);

    append_person(objects, "rsa", "01", "", "");
    append_person(objects, "p256", "02", "", ", \"always_authenticate\": true");
    append_person(objects, "p384", "03", "", "");
    append_person(objects, "p521", "04", "", "");
    append_person(objects, "ed25519", "05", "", "");
    g_string_append_printf(objects,
                           "{\"class\": \"certificate\", \"file\": \"%s\", \"id\": \"a1\"}",
                           tb_tools_intermediate());
    write_script(objects->str);
}

static void
take_out(void)
{
    write_script(NULL);
}

static void
refresh(void)
{
    (void)g_unlink(tb_tools_path("test-token/script.json.state"));
    (void)g_unlink(tb_tools_path("test-token/calls"));
    insert();
}

static void
hide(void)
{
    g_autoptr(GString) objects = g_string_new(NULL);

    append_person(objects, "rsa", "01", ", \"private\": true", "");
    g_string_truncate(objects, objects->len - 1); /* the last comma */
    write_script(objects->str);
}

static guint
pins_seen(void)
{
    g_autofree char *text = NULL;
    guint count = 0;

    if (!g_file_get_contents(tb_tools_path("test-token/calls"), &text, NULL, NULL))
        return 0;
    for (const char *at = text; (at = strstr(at, "\"right\":false")) != NULL; at++)
        count++;
    return count;
}

const TbKind tb_kind_test = {
    .name = "test",
    .label = "Test token",
    .tokens = 1,
    .pin = "123456",
    .puk = "12345678",
    .other_pin = "654321",
    .bad_pin = "12345",
    .people = {{"rsa", "RS256 RS384 RS512 PS256 PS384 PS512", FALSE},
               {"p256", "ES256", TRUE},
               {"p384", "ES384", FALSE},
               {"p521", "ES512", FALSE},
               {"ed25519", "EdDSA", FALSE}},
    .after_wrong = {"low", "final_try", "locked"},
    .after_right = "ok",
    .right_gives_tries_back = TRUE,
    .after_last = "ok",
    .locked_anew = "locked",
    .no_strict_alone = "the test token ends the process when it cannot read its script",
    .removed = "token_missing",
    .no_service = "its module needs no daemon",
    .module = module,
    .state = state,
    .make = make,
    .refresh = refresh,
    .hide = hide,
    .remove = take_out,
    .insert = insert,
    .pins_seen = pins_seen,
};
