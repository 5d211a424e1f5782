/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: pcscd, vpcd and a PIV card. See rig.h.
 */
#include "tests/piv/rig.h"

#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <winscard.h>

#include "tests/support/namespace.h"
#include "tests/worker/lab.h"

#define DRIVER "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
#define PORT 35963 /* of our own loopback, where nobody else is */
#define WAIT_MS 10000
#define LOOK_MS 5ul

struct TbRig {
    char *folder;
    char *config;  /* of pcscd's readers */
    char *empty;   /* of none */
    GPid service;  /* 0: does not run */
    GPid card;     /* the same */
    int to_card;   /* its standard input */
    int from_card; /* its standard output */
    char *reader;  /* pcscd's name of the card's reader */
};

const char *
tb_rig_missing(void)
{
    if (!g_file_test("/usr/sbin/pcscd", G_FILE_TEST_IS_EXECUTABLE))
        return "pcscd is not installed (package pcscd)";
    if (!g_file_test(DRIVER, G_FILE_TEST_EXISTS))
        return DRIVER " is not installed (package vsmartcard-vpcd)";
    return NULL;
}

const char *
tb_rig_enter(void)
{
    const char *missing = tb_rig_missing();

    return missing ? missing : tb_test_namespace_enter();
}

static void
write_config(const TbRig *rig)
{
    g_autofree char *path = g_build_filename(rig->config, "vpcd", NULL);
    g_autofree char *text = g_strdup_printf("FRIENDLYNAME \"Virtual PCD\"\n"
                                            "DEVICENAME /dev/null:0x%x\n"
                                            "LIBPATH " DRIVER "\n"
                                            "CHANNELID 0x%x\n",
                                            PORT, PORT);

    g_assert_no_errno(g_mkdir(rig->config, 0700));
    g_assert_no_errno(g_mkdir(rig->empty, 0700));
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

TbRig *
tb_rig_new(void)
{
    static guint number;
    TbRig *rig = g_new0(TbRig, 1);

    rig->to_card = rig->from_card = -1;
    rig->folder = g_strdup_printf(TB_TEST_NAMESPACE_FOLDER "/rig-%u", number++);
    rig->config = g_build_filename(rig->folder, "readers", NULL);
    rig->empty = g_build_filename(rig->folder, "no-readers", NULL);
    g_assert_no_errno(g_mkdir(rig->folder, 0700));
    write_config(rig);
    return rig;
}

static void
die_with_parent(gpointer data)
{
    (void)data;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static GPid
start(const char *const *argv, int *out_input, int *out_output)
{
    g_autoptr(GError) error = NULL;
    GPid pid = 0;

    g_spawn_async_with_pipes(NULL, (char **)(guintptr)argv, NULL,
                             G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
                                 (out_output ? 0 : G_SPAWN_STDOUT_TO_DEV_NULL),
                             die_with_parent, NULL, &pid, out_input, out_output, NULL, &error);
    g_assert_no_error(error);
    return pid;
}

static void
stop(GPid *inout_pid, int signal_number)
{
    int status = 0;
    gulong waited = 0;

    if (*inout_pid == 0)
        return;
    (void)kill(*inout_pid, signal_number);
    while (waitpid(*inout_pid, &status, WNOHANG) == 0) {
        g_usleep(LOOK_MS * 1000);
        waited += LOOK_MS;
        if (waited == WAIT_MS)
            (void)kill(*inout_pid, SIGKILL);
    }
    *inout_pid = 0;
}

/* One look at the readers, as any program has it; FALSE without a service. */
static gboolean
look(SCARDCONTEXT context, char *names, DWORD size)
{
    DWORD length = size;
    LONG rv = SCardListReaders(context, NULL, names, &length);

    if (rv == SCARD_E_NO_READERS_AVAILABLE)
        names[0] = '\0';
    return rv == SCARD_S_SUCCESS || rv == SCARD_E_NO_READERS_AVAILABLE;
}

static gboolean
service_is_up(TbRig *rig, gboolean with_readers)
{
    SCARDCONTEXT context;
    char names[1024];
    gboolean up = FALSE;

    if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context) != SCARD_S_SUCCESS)
        return FALSE;
    if (look(context, names, sizeof names) && (names[0] != '\0') == with_readers) {
        g_free(rig->reader);
        rig->reader = g_strdup(names); /* the first of them */
        up = TRUE;
    }
    (void)SCardReleaseContext(context);
    return up;
}

void
tb_rig_start_service(TbRig *rig, gboolean with_readers)
{
    const char *const argv[] = {"/usr/sbin/pcscd", "--foreground", "--config",
                                with_readers ? rig->config : rig->empty, NULL};
    gint64 end = g_get_monotonic_time() + (gint64)WAIT_MS * 1000;

    g_assert_cmpint(rig->service, ==, 0);
    rig->service = start(argv, NULL, NULL);
    while (!service_is_up(rig, with_readers)) {
        if (g_get_monotonic_time() > end || waitpid(rig->service, NULL, WNOHANG) != 0)
            g_error("pcscd does not start; try: pcscd --foreground --debug");
        g_usleep(LOOK_MS * 1000);
    }
}

void
tb_rig_stop_service(TbRig *rig)
{
    stop(&rig->service, SIGTERM);
}

void
tb_rig_start_card(TbRig *rig, guint serial, const char *state, const char *const *slots)
{
    g_autofree char *port = g_strdup_printf("%u", PORT);
    g_autofree char *number = g_strdup_printf("%u", serial);
    g_autofree char *path = g_build_filename(rig->folder, state, NULL);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    const char *const fixed[] = {
        g_getenv("TB_TEST_PIV_CARD"), "--port", port, "--state", path, "--serial", number};

    for (gsize i = 0; i < G_N_ELEMENTS(fixed); i++)
        g_ptr_array_add(argv, (gpointer)(guintptr)fixed[i]);
    for (; *slots; slots++) {
        g_ptr_array_add(argv, (gpointer)(guintptr) "--slot");
        g_ptr_array_add(argv, (gpointer)(guintptr)*slots);
    }
    g_ptr_array_add(argv, NULL);
    g_assert_cmpint(rig->card, ==, 0);
    rig->card = start((const char *const *)argv->pdata, &rig->to_card, &rig->from_card);
}

char *
tb_rig_slot(const char *name, const char *user)
{
    const json_t *entry = tb_test_lab_user(user);

    return g_strdup_printf("%s=%s,%s", name,
                           json_string_value(json_object_get(entry, "certificate")),
                           json_string_value(json_object_get(entry, "private_key")));
}

void
tb_rig_start_peoples_card(TbRig *rig, guint serial, const char *state)
{
    g_autofree char *rsa = tb_rig_slot("9A", "rsa");
    g_autofree char *p256 = tb_rig_slot("9C", "p256");
    g_autofree char *p384 = tb_rig_slot("9D", "p384");
    g_autofree char *issuer = g_strconcat("82=", tb_test_lab_string("intermediate"), NULL);

    tb_rig_start_card(rig, serial, state, (const char *const[]){rsa, p256, p384, issuer, NULL});
}

void
tb_rig_stop_card(TbRig *rig)
{
    if (rig->to_card >= 0)
        (void)close(rig->to_card);
    if (rig->from_card >= 0)
        (void)close(rig->from_card);
    rig->to_card = rig->from_card = -1;
    stop(&rig->card, SIGTERM);
}

void
tb_rig_free(TbRig *rig)
{
    tb_rig_stop_card(rig);
    tb_rig_stop_service(rig);
    g_free(rig->folder);
    g_free(rig->config);
    g_free(rig->empty);
    g_free(rig->reader);
    g_free(rig);
}

static char *
read_line(int fd)
{
    GString *line = g_string_new(NULL);
    char letter = 0;

    do {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

        if (poll(&poll_fd, 1, WAIT_MS) != 1 || read(fd, &letter, 1) != 1)
            g_error("piv-card does not answer");
        g_string_append_c(line, letter);
    } while (letter != '\n');
    g_string_truncate(line, line->len - 1);
    return g_string_free(line, FALSE);
}

static char *
ask(const TbRig *rig, const char *command)
{
    g_autofree char *line = g_strconcat(command, "\n", NULL);
    char *answer;

    g_assert_cmpint(write(rig->to_card, line, strlen(line)), ==, (gssize)strlen(line));
    answer = read_line(rig->from_card);
    if (!g_str_has_prefix(answer, "ok"))
        g_error("piv-card: %s: %s", command, answer);
    return answer;
}

void
tb_rig_tell(TbRig *rig, const char *format, ...)
{
    g_autofree char *command = NULL;
    va_list args;

    va_start(args, format);
    command = g_strdup_vprintf(format, args);
    va_end(args);
    g_free(ask(rig, command));
}

guint
tb_rig_count(TbRig *rig, guint instruction)
{
    g_autofree char *command = g_strdup_printf("count %02x", instruction);
    g_autofree char *answer = ask(rig, command);

    return (guint)g_ascii_strtoull(answer + strlen("ok "), NULL, 10);
}

void
tb_rig_wait_card(TbRig *rig, gboolean there)
{
    const DWORD wanted = there ? SCARD_STATE_PRESENT : SCARD_STATE_EMPTY;
    SCARD_READERSTATE state = {.szReader = rig->reader};
    gint64 end = g_get_monotonic_time() + (gint64)WAIT_MS * 1000;
    SCARDCONTEXT context;

    g_assert_cmpint(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context), ==,
                    SCARD_S_SUCCESS);
    for (;;) {
        LONG rv = SCardGetStatusChange(context, WAIT_MS, &state, 1);

        if (rv == SCARD_S_SUCCESS && (state.dwEventState & wanted))
            break;
        if (rv != SCARD_S_SUCCESS || g_get_monotonic_time() > end)
            g_error("pcscd does not see the card %s: %s", there ? "come" : "go",
                    pcsc_stringify_error(rv));
        state.dwCurrentState = state.dwEventState;
    }
    (void)SCardReleaseContext(context);
}

void
tb_rig_insert(TbRig *rig, const char *kind)
{
    tb_rig_tell(rig, "insert %s", kind);
    tb_rig_wait_card(rig, TRUE);
}

void
tb_rig_remove(TbRig *rig)
{
    tb_rig_tell(rig, "remove");
    tb_rig_wait_card(rig, FALSE);
}

gboolean
tb_rig_reset(TbRig *rig)
{
    SCARDCONTEXT context;
    SCARDHANDLE card;
    DWORD protocol;
    LONG rv;

    if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context) != SCARD_S_SUCCESS)
        return FALSE;
    rv = SCardConnect(context, rig->reader, SCARD_SHARE_SHARED,
                      SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card, &protocol);
    if (rv == SCARD_S_SUCCESS)
        rv = SCardDisconnect(card, SCARD_RESET_CARD);
    (void)SCardReleaseContext(context);
    return rv == SCARD_S_SUCCESS;
}
