/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: opencryptoki's software token behind its daemon pkcsslotd: the PIN is locked after
 * three wrong ones, and the flags say so. Test code only.
 */
#include <glib/gstdio.h>
#include <grp.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/matrix/kind.h"
#include "tests/matrix/tools.h"
#include "tests/worker/lab.h"

#define MODULE "/usr/lib/x86_64-linux-gnu/pkcs11/libopencryptoki.so"
#define STORE "/var/lib/opencryptoki"
#define LOCKS "/run/lock/opencryptoki" /* /var/lock is a link to /run/lock */
#define LABEL "Ock"
#define WAIT_MS 20000
#define SLOT "3"
#define PIN "123456"
#define SO_PIN "87654321" /* of a token that nobody initialised yet */

static const char *
module(void)
{
    return MODULE;
}

static const char *const *
state(void)
{
    static const char *const folders[] = {STORE, NULL};

    return folders;
}

static gid_t
group_of_daemon(void)
{
    const struct group *group = getgrnam("pkcs11");

    return group ? group->gr_gid : 0;
}

static const char *
missing(void)
{
    static const char *const paths[] = {
        MODULE, "/usr/sbin/pkcsslotd", STORE, "/usr/bin/pkcs11-tool", "/usr/bin/p11tool", NULL};
    const char *not_installed = tb_tools_missing(paths, "packages opencryptoki, gnutls-bin");

    if (not_installed)
        return not_installed;
    /* A namespace of one user has no other groups. */
    if (chown(tb_tools_path("."), 0, group_of_daemon()) != 0)
        return "pkcsslotd gives its files to the group pkcs11, which only root may";
    return NULL;
}

/* 0: none, or it has not written its number yet. */
static GPid
daemon_pid(void)
{
    g_autofree char *text = NULL;

    if (!g_file_get_contents("/run/pkcsslotd.pid", &text, NULL, NULL))
        return 0;
    return (GPid)g_ascii_strtoll(text, NULL, 10);
}

static void
start_daemon(void)
{
    GPid pid = tb_tools_start("pkcsslotd", "/usr/sbin/pkcsslotd", NULL);
    int waited = 0;

    tb_tools_wait_background(&pid);
    tb_tools_wait_socket("/run/pkcsslotd.socket");
    for (; daemon_pid() <= 1 && waited < WAIT_MS; waited++)
        g_usleep(1000);
    g_assert_cmpint(daemon_pid(), >, 1);
}

static void
end_daemon(int signal_number)
{
    GPid pid = daemon_pid();

    if (pid <= 1) /* 0 would be all of us */
        return;
    while (kill(pid, signal_number) == 0)
        g_usleep(1000);
    (void)g_unlink("/run/pkcsslotd.pid");
    (void)g_unlink("/run/pkcsslotd.socket");
}

static void
stop_daemon(void)
{
    end_daemon(SIGTERM);
}

/* While a program uses it, it does not end by itself. */
static void
kill_daemon(void)
{
    end_daemon(SIGKILL);
}

static void
put(const char *file, const char *type, const char *id)
{
    tb_test_lab_run(NULL, "pkcs11-tool", "--module", MODULE, "--slot", SLOT, "--login", "--pin",
                    PIN, "--write-object", file, "--type", type, "--id", id, (char *)NULL);
}

/* Whatever was on it goes. */
static void
initialise(void)
{
    tb_test_lab_run(NULL, "pkcs11-tool", "--module", MODULE, "--slot", SLOT, "--init-token",
                    "--label", LABEL, "--so-pin", SO_PIN, (char *)NULL);
    tb_test_lab_run(NULL, "pkcs11-tool", "--module", MODULE, "--slot", SLOT, "--login",
                    "--login-type", "so", "--so-pin", SO_PIN, "--init-pin", "--new-pin", PIN,
                    (char *)NULL);
    put(tb_tools_person("rsa", "private_key"), "privkey", "01");
}

static void
make(void)
{
    tb_tools_copy(STORE, tb_tools_path("opencryptoki"));
    g_assert_no_errno(mount(tb_tools_path("opencryptoki"), STORE, NULL, MS_BIND, NULL));
    tb_tools_make_folder(LOCKS);
    g_assert_no_errno(chown(LOCKS, 0, group_of_daemon()));
    start_daemon();
    initialise();
    tb_tools_put_private(MODULE, LABEL, PIN, "rsa", "01");
    stop_daemon();
    tb_tools_copy(STORE "/swtok", tb_tools_path("swtok-hidden"));
    start_daemon();
    initialise();
    put(tb_tools_person("rsa", "der"), "cert", "01");
    put(tb_tools_intermediate(), "cert", "a1");
    stop_daemon();
    tb_tools_copy(STORE "/swtok", tb_tools_path("swtok-made"));
}

/* What the daemon and the module share lies in /dev/shm, which is ours. */
static void
bring(const char *name)
{
    stop_daemon();
    tb_test_lab_run(NULL, "find", "/dev/shm", "-mindepth", "1", "-delete", (char *)NULL);
    tb_tools_copy(tb_tools_path(name), STORE "/swtok");
    start_daemon();
}

static void
refresh(void)
{
    bring("swtok-made");
}

static void
hide(void)
{
    bring("swtok-hidden");
}

const TbKind tb_kind_opencryptoki = {
    .name = "opencryptoki",
    .label = LABEL,
    .tokens = 1,
    .pin = PIN,
    .puk = SO_PIN,
    .other_pin = "654321",
    .bad_pin = "123",
    .people = {{"rsa", "RS256 RS384 RS512 PS256 PS384 PS512", FALSE}},
    .after_wrong = {"low", "final_try", "locked"},
    .after_right = "ok",
    .right_gives_tries_back = TRUE,
    .after_last = "ok",
    .locked_anew = "locked",
    .no_removal = "a token in files cannot be taken out",
    .no_always_authenticate = "opencryptoki's software token has no such keys",
    .module = module,
    .state = state,
    .strict_needs_state = TRUE,
    .missing = missing,
    .make = make,
    .refresh = refresh,
    .hide = hide,
    .stop_service = kill_daemon,
    .start_service = start_daemon,
    .finish = stop_daemon,
};
