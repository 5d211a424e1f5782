/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: NSS's softokn, the token in files that Firefox keeps its own certificates in. Opened
 * read-only, as one does beside a running Firefox. Test code only.
 */
#include "tests/matrix/kind.h"
#include "tests/matrix/tools.h"
#include "tests/worker/lab.h"

#define MODULE "/usr/lib/x86_64-linux-gnu/libsoftokn3.so"
#define PIN "123456"

static const char *
module(void)
{
    return MODULE;
}

static const char *
init_args(void)
{
    static char *args;

    if (!args)
        args = g_strdup_printf(
            "configdir='sql:%s' certPrefix='' keyPrefix='' secmod='secmod.db' flags=readOnly",
            tb_tools_path("nss"));
    return args;
}

static const char *const *
state(void)
{
    static const char *folders[2];

    folders[0] = tb_tools_path("nss");
    return folders;
}

static const char *
missing(void)
{
    static const char *const paths[] = {MODULE, "/usr/bin/certutil", "/usr/bin/pk12util", NULL};

    return tb_tools_missing(paths, "packages libnss3, libnss3-tools");
}

static void
put_person(const char *user, const char *database)
{
    const char *bundle = tb_tools_path("person.p12");

    tb_test_lab_run(NULL, "openssl", "pkcs12", "-export", "-inkey",
                    tb_tools_person(user, "private_key"), "-in",
                    tb_tools_person(user, "certificate"), "-certfile", tb_test_lab_string("chain"),
                    "-name", user, "-passout", "pass:x", "-out", bundle, (char *)NULL);
    tb_test_lab_run(NULL, "pk12util", "-i", bundle, "-d", database, "-k", tb_tools_path("nss-pin"),
                    "-W", "x", (char *)NULL);
}

static void
make(void)
{
    g_autofree char *database = g_strconcat("sql:", tb_tools_path("nss"), NULL);

    tb_tools_write(tb_tools_path("nss-pin"), PIN "\n");
    tb_tools_make_folder(tb_tools_path("nss"));
    tb_test_lab_run(NULL, "certutil", "-N", "-d", database, "-f", tb_tools_path("nss-pin"),
                    (char *)NULL);
    put_person("rsa", database);
    put_person("p256", database);
    put_person("p384", database);
    put_person("p521", database);
    tb_tools_copy(tb_tools_path("nss"), tb_tools_path("nss-made"));
}

static void
refresh(void)
{
    tb_tools_copy(tb_tools_path("nss-made"), tb_tools_path("nss"));
}

const TbKind tb_kind_softokn = {
    .name = "softokn",
    .label = "NSS Certificate DB",
    .tokens = 2, /* and one for arithmetic */
    .pin = PIN,
    .puk = "12345678", /* it has none */
    .other_pin = "654321",
    .people = {{"rsa", "RS256 RS384 RS512 PS256 PS384 PS512", FALSE},
               {"p256", "ES256", FALSE},
               {"p384", "ES384", FALSE},
               {"p521", "ES512", FALSE}},
    .after_wrong = {"ok"},
    .after_right = "ok",
    .right_gives_tries_back = TRUE,
    .no_lock = "softokn never locks a PIN",
    .change_refused = "unsupported",
    .unblock_refused = "unsupported",
    .no_removal = "a database is not taken out",
    .no_always_authenticate = "softokn has no such keys",
    .no_hidden = "softokn shows all certificates",
    .no_service = "its module needs no daemon",
    .module = module,
    .init_args = init_args,
    .state = state,
    .strict_needs_state = TRUE,
    .missing = missing,
    .make = make,
    .refresh = refresh,
};
