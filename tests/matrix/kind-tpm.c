/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: tpm2-pkcs11 on a TPM in software (swtpm), behind the TPM's resource manager
 * (tpm2-abrmd) on a message bus of our own. The TPM locks after three wrong PINs, and no flag says
 * so. Test code only.
 */
#include <string.h>

#include "tests/matrix/kind.h"
#include "tests/matrix/tools.h"
#include "tests/worker/lab.h"

#define MODULE "/usr/lib/x86_64-linux-gnu/libtpm2_pkcs11.so.1"
#define LABEL "TPM"
#define PIN "123456"
#define SO_PIN "12345678"
#define PORT 2321 /* of our own loopback */
#define MANAGER "com.intel.tss2.Tabrmd"
#define WAIT_MS 20000
#define LOOK_US 5000
#define TCTI "tabrmd:bus_type=session"

static GPid tpm, bus, manager;

static const char *
module(void)
{
    return MODULE;
}

static const char *const *
state(void)
{
    static const char *folders[2];

    folders[0] = tb_tools_path("tpm-store");
    return folders;
}

static const char *
missing(void)
{
    static const char *const paths[] = {
        MODULE,
        "/usr/bin/tpm2_ptool",
        "/usr/bin/swtpm",
        "/usr/bin/tpm2",
        "/usr/sbin/tpm2-abrmd",
        "/usr/lib/x86_64-linux-gnu/libtss2-tcti-tabrmd.so.0",
        "/usr/bin/dbus-daemon",
        "/usr/bin/dbus-send",
        "/usr/bin/pkcs11-tool",
        NULL,
    };

    return tb_tools_missing(paths,
                            "packages libtpm2-pkcs11-1, libtpm2-pkcs11-tools, swtpm, "
                            "tpm2-tools, tpm2-abrmd, libtss2-tcti-tabrmd0, dbus-daemon, dbus-bin");
}

static void
start_bus(void)
{
    g_autofree char *text = g_strdup_printf(
        "<busconfig><type>session</type><listen>unix:path=%s</listen>"
        "<policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>"
        "<allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>\n",
        tb_tools_path("bus"));
    g_autofree char *config = g_strconcat("--config-file=", tb_tools_path("bus.conf"), NULL);
    g_autofree char *address = g_strconcat("unix:path=", tb_tools_path("bus"), NULL);

    tb_tools_write(tb_tools_path("bus.conf"), text);
    bus = tb_tools_start("bus", "dbus-daemon", config, "--nofork", "--nopidfile", NULL);
    tb_tools_wait_socket(tb_tools_path("bus"));
    g_setenv("DBUS_SESSION_BUS_ADDRESS", address, TRUE);
}

/* It takes a while to speak to the TPM before it takes its name. */
static void
wait_for_manager(void)
{
    for (int waited = 0;; waited += LOOK_US) {
        g_autofree char *text = tb_tools_output(
            "dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus",
            "/org/freedesktop/DBus", "org.freedesktop.DBus.NameHasOwner", "string:" MANAGER, NULL);

        if (strstr(text, "boolean true"))
            return;
        if (waited > WAIT_MS * 1000)
            g_error("tpm2-abrmd does not come");
        g_usleep(LOOK_US);
    }
}

static void
start_tpm(void)
{
    g_autofree char *folder = g_strconcat("dir=", tb_tools_path("tpm-state"), NULL);
    g_autofree char *control = g_strdup_printf("type=tcp,bindaddr=127.0.0.1,port=%d", PORT + 1);
    g_autofree char *server = g_strdup_printf("type=tcp,bindaddr=127.0.0.1,port=%d", PORT);
    g_autofree char *tcti = g_strdup_printf("--tcti=swtpm:host=127.0.0.1,port=%d", PORT);

    tpm = tb_tools_start("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", folder, "--server",
                         server, "--ctrl", control, "--flags", "not-need-init,startup-clear", NULL);
    tb_tools_wait_port(PORT + 1);
    manager = tb_tools_start("abrmd", "tpm2-abrmd", "--allow-root", "--session", tcti, NULL);
    wait_for_manager();
}

/* A TPM that is not told of the end counts that as a wrong try. */
static void
stop_tpm(void)
{
    if (tpm == 0)
        return;
    tb_test_lab_run(NULL, "tpm2", "shutdown", (char *)NULL);
    tb_tools_stop(&manager);
    tb_tools_stop(&tpm);
}

static void
put_person(const char *user, const char *type)
{
    const char *store = tb_tools_path("tpm-store");

    tb_test_lab_run(NULL, "tpm2_ptool", "import", "--path", store, "--label", LABEL, "--userpin",
                    PIN, "--key-label", user, "--algorithm", type, "--privkey",
                    tb_tools_person(user, "private_key"), "--id", user, (char *)NULL);
}

static void
put_certificate(const char *file, const char *id)
{
    g_autoptr(GString) hex = g_string_new(NULL);

    for (; *id; id++)
        g_string_append_printf(hex, "%02x", *id);
    tb_test_lab_run(NULL, "pkcs11-tool", "--module", MODULE, "--token-label", LABEL, "--login",
                    "--pin", PIN, "--write-object", file, "--type", "cert", "--id", hex->str,
                    (char *)NULL);
}

static void
make(void)
{
    const char *store = tb_tools_path("tpm-store");

    g_setenv("TPM2_PKCS11_STORE", store, TRUE);
    g_setenv("TPM2_PKCS11_TCTI", TCTI, TRUE);
    g_setenv("TPM2TOOLS_TCTI", TCTI, TRUE);
    g_setenv("TSS2_LOG", "all+none", TRUE);
    tb_tools_make_folder(store);
    tb_tools_make_folder(tb_tools_path("tpm-state"));
    start_bus();
    start_tpm();
    tb_test_lab_run(NULL, "tpm2_ptool", "init", "--path", store, (char *)NULL);
    tb_test_lab_run(NULL, "tpm2_ptool", "addtoken", "--path", store, "--pid", "1", "--label", LABEL,
                    "--userpin", PIN, "--sopin", SO_PIN, (char *)NULL);
    put_person("rsa", "rsa");
    put_person("p256", "ecc");
    put_certificate(tb_tools_person("rsa", "der"), "rsa");
    put_certificate(tb_tools_person("p256", "der"), "p256");
    put_certificate(tb_tools_intermediate(), "a1");
    stop_tpm();
    tb_tools_copy(store, tb_tools_path("tpm-store-made"));
    tb_tools_copy(tb_tools_path("tpm-state"), tb_tools_path("tpm-state-made"));
}

static void
refresh(void)
{
    stop_tpm();
    tb_tools_copy(tb_tools_path("tpm-store-made"), tb_tools_path("tpm-store"));
    tb_tools_copy(tb_tools_path("tpm-state-made"), tb_tools_path("tpm-state"));
    start_tpm();
}

static void
finish(void)
{
    stop_tpm();
    tb_tools_stop(&bus);
}

static guint
pins_seen(void)
{
    static const char name[] = "TPM2_PT_LOCKOUT_COUNTER:";
    g_autofree char *text = tb_tools_output("tpm2", "getcap", "properties-variable", NULL);
    const char *at = strstr(text, name);

    g_assert_nonnull(at);
    return (guint)g_ascii_strtoull(at + strlen(name), NULL, 0);
}

static void
unlock_by_tool(void)
{
    tb_test_lab_run(NULL, "tpm2", "dictionarylockout", "--clear-lockout", (char *)NULL);
}

const TbKind tb_kind_tpm = {
    .name = "tpm",
    .label = LABEL,
    .tokens = 1,
    .pin = PIN,
    .puk = SO_PIN,
    .other_pin = "654321",
    .people = {{"rsa", "RS256 RS384 RS512 PS256 PS384 PS512", FALSE}, {"p256", "ES256", FALSE}},
    .after_wrong = {"ok", "ok", "ok"},
    .after_right = "ok",
    .after_last = "ok",
    .locked_anew = "ok",
    .locks_silently = TRUE,
    .unblock_refused = "puk_blocked",
    .no_hidden = "tpm2-pkcs11 shows all certificates",
    .no_removal = "a TPM cannot be taken out",
    .no_always_authenticate = "tpm2-pkcs11 has no such keys",
    .module = module,
    .state = state,
    .strict_needs_state = TRUE,
    .missing = missing,
    .make = make,
    .refresh = refresh,
    .stop_service = stop_tpm,
    .start_service = start_tpm,
    .finish = finish,
    .pins_seen = pins_seen,
    .unlock_by_tool = unlock_by_tool,
};
