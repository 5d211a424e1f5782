/* SPDX-License-Identifier: Apache-2.0
 *
 * What the prompt reads and writes, with each allocation, read, write and poll failing at each
 * place: the start of pinentry, its replies, commands to it, and the PIN on its way to the worker.
 * A PIN arrives whole, or not at all.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/secret.h"
#include "host/common/fault.h"
#include "host/prompt/pinentry/assuan.h"
#include "host/prompt/pinentry/program.h"
#include "tests/sweep/sweep.h"

#define RUNS_MAX 500
#define DESCRIPTORS_LOOKED_AT 64
#define PIN "123456"

/* Asks for a PIN, and reads it. */
static void
ask_pinentry(const SweepFault *fault, gpointer data)
{
    static const char said[] = "OK\nD " PIN "\nOK\n";
    g_autoptr(GError) error = NULL;
    TbAssuanReply reply = TB_ASSUAN_BROKEN;
    TbSecret *pin = tb_secret_new(TB_PIN_MAX);
    TbAssuan *assuan;
    char command[32] = "";
    int sockets[2];
    guint code = 0;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), ==, 0);
    g_assert_cmpint(write(sockets[1], said, strlen(said)), ==, (gssize)strlen(said));
    assuan = tb_assuan_new(sockets[0], sockets[0]);
    g_assert_nonnull(assuan);
    sweep_on();
    if (tb_assuan_send(assuan, "GETPIN", NULL, &error)) {
        reply = tb_assuan_receive(assuan, pin, &code, &error);
        if (reply == TB_ASSUAN_OK)
            reply = tb_assuan_receive(assuan, pin, &code, &error);
    }
    sweep_off();
    g_assert_true((reply == TB_ASSUAN_BROKEN) == (error != NULL));
    if (!sweep_fired() || fault->harmless) {
        g_assert_cmpint(reply, ==, TB_ASSUAN_OK);
        g_assert_cmpint(read(sockets[1], command, sizeof command - 1), ==, 7);
        g_assert_cmpstr(command, ==, "GETPIN\n");
    }
    if (reply == TB_ASSUAN_OK)
        g_assert_cmpstr((const char *)tb_secret_data(pin), ==, PIN);
    else
        g_assert_cmpuint(tb_secret_length(pin), ==, 0);
    tb_assuan_free(assuan);
    tb_secret_free(pin);
    g_assert_cmpint(close(sockets[1]), ==, 0);
}

/* The PIN through its pipe. */
static void
hand_over(const SweepFault *fault, gpointer data)
{
    TbSecret *ours = tb_secret_new(TB_PIN_MAX);
    TbSecret *theirs = tb_secret_new(TB_PIN_MAX);
    gboolean written, got;
    int ends[2];

    g_assert_true(ours && theirs && tb_secret_insert(ours, 0, PIN, strlen(PIN)));
    g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
    sweep_on();
    written = tb_secret_write(ours, ends[1]);
    sweep_off();
    g_assert_cmpint(close(ends[1]), ==, 0);
    sweep_on();
    got = written && tb_secret_read(theirs, ends[0], 1000);
    sweep_off();
    g_assert_cmpint(close(ends[0]), ==, 0);
    if (!sweep_fired() || fault->harmless)
        g_assert_true(got);
    g_assert_cmpstr((const char *)tb_secret_data(theirs), ==, got ? PIN : "");
    tb_secret_free(ours);
    tb_secret_free(theirs);
}

static guint
open_descriptors(void)
{
    guint count = 0;

    for (int fd = 0; fd < DESCRIPTORS_LOOKED_AT; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* Starts a pinentry: it runs, or it is said why not, and nothing of it is left. */
static void
start_pinentry(const SweepFault *fault, gpointer data)
{
    guint before = open_descriptors();
    g_autoptr(GError) error = NULL;
    TbProgram program = {.pid = -1};
    gboolean started;

    sweep_on();
    started = tb_program_spawn("/bin/cat", &program, &error);
    sweep_off();
    g_assert_true(started == (error == NULL));
    g_assert_true(started == !sweep_fired());
    if (started) {
        tb_program_kill(program.pid);
        g_assert_cmpint(close(program.read_fd), ==, 0);
        g_assert_cmpint(close(program.write_fd), ==, 0);
    }
    g_assert_cmpuint(open_descriptors(), ==, before);
}

typedef struct Unit {
    const char *name;
    SweepBody body;
    guint least; /* faults that must have come in all, or nothing was tested */
} Unit;

static void
test_unit(gconstpointer data)
{
    const Unit *unit = data;
    guint total = 0;

    for (const SweepFault *fault = sweep_faults; fault->name; fault++) {
        g_test_message("%s", fault->name);
        total += sweep_run(fault, unit->body, NULL, RUNS_MAX, 1);
    }
    g_test_message("%u runs", total);
    g_assert_cmpuint(total, >=, unit->least);
}

int
main(int argc, char **argv)
{
    static const Unit units[] = {
        {"/sweep/prompt/pinentry", ask_pinentry, 10},
        {"/sweep/prompt/start", start_pinentry, 3},
        {"/sweep/prompt/pin", hand_over, 10},
    };

    sweep_init();
    g_test_init(&argc, &argv, NULL);
    g_assert_true(tb_secret_init(NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(units); i++)
        g_test_add_data_func(units[i].name, &units[i], test_unit);
    return g_test_run();
}
