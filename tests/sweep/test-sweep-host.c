/* SPDX-License-Identifier: Apache-2.0
 *
 * What the host reads and writes, with each allocation, read, write and poll failing at each place:
 * requests and replies, the channel to its children, standard output, listings, the configuration.
 * What is said is whole, or there is an error; no descriptor is lost.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/common/channel.h"
#include "host/common/config.h"
#include "host/common/fault.h"
#include "host/common/log.h"
#include "host/listing.h"
#include "host/outcome.h"
#include "host/output.h"
#include "host/request.h"
#include "host/rpc.h"
#include "host/selection.h"
#include "tests/sweep/sweep.h"

#define RUNS_MAX 5000
#define DESCRIPTORS_LOOKED_AT 64
#define NONCE "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static guint
open_descriptors(void)
{
    guint count = 0;

    for (int fd = 0; fd < DESCRIPTORS_LOOKED_AT; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void
assert_outcome(const SweepFault *fault, gboolean good, const GError *error)
{
    g_assert_true(good == (error == NULL));
    if (!sweep_fired() || fault->harmless)
        g_assert_no_error(error);
}

/* --- A request, and the reply to it
 * ------------------------------------------------------------------ */

static void
sign_in(const SweepFault *fault, gpointer data)
{
    static const char frame[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"authenticate\",\"params\":"
        "{\"origin\":\"https://example.org\",\"nonce\":\"" NONCE "\"}}";
    static const char listing[] =
        "{\"tokens\":[{\"slot\":1,\"label\":\"\",\"serial\":\"1\",\"reader\":\"\","
        "\"pin\":{\"state\":\"ok\"},\"puk\":{\"state\":\"ok\"},\"certificates\":[{\"id\":\"" ID
        "\",\"der\":\"MAA=\",\"name\":\"A\",\"issuer_name\":\"B\",\"not_before\":0,"
        "\"not_after\":9000000000,\"key\":{\"type\":\"EC\"},\"has_key\":\"yes\",\"key_usage\":"
        "[\"digitalSignature\"],\"algorithms\":[\"ES256\"],\"chain\":[\"MAA=\"]}]}]}";
    const TbFilter filter = {.purpose = TB_PURPOSE_AUTHENTICATE, .now = 1};
    g_autoptr(GError) error = NULL;
    g_autoptr(TbRpcRequest) rpc = NULL;
    g_autoptr(TbRequest) request = NULL;
    g_autoptr(GPtrArray) tokens = NULL;
    g_autoptr(GPtrArray) listings = g_ptr_array_new();
    g_autoptr(GPtrArray) fitting = NULL;
    g_autoptr(TbChosen) chosen = NULL;
    json_t *answer = json_loads(listing, 0, NULL);
    json_t *asked = NULL, *result = NULL, *id = NULL;
    int code = 0;

    sweep_on();
    rpc = tb_rpc_read((const guint8 *)frame, strlen(frame), &id, &code, &error);
    request = rpc ? tb_request_read(TB_PURPOSE_AUTHENTICATE, rpc->params, 1000, &error) : NULL;
    tokens = request ? tb_listing_read(answer, 0, &error) : NULL;
    if (tokens) {
        g_ptr_array_add(listings, tokens);
        fitting = tb_selection_fitting(listings, &filter);
        g_assert_cmpuint(fitting->len, ==, 1);
        chosen = tb_chosen_new(fitting->pdata[0], request);
        asked = tb_outcome_sign_request(request, chosen, &error);
        result = asked ? tb_outcome_signed(request, chosen, NONCE, &error) : NULL;
    }
    sweep_off();
    assert_outcome(fault, result != NULL, error);
    if (asked)
        g_assert_cmpuint(json_string_length(json_object_get(asked, "input")), ==, 88);
    if (result)
        g_assert_cmpstr(json_string_value(json_object_get(result, "signature")), ==, NONCE);
    json_decref(result);
    json_decref(asked);
    json_decref(answer);
    json_decref(id);
}

/* --- The channel
 * ---------------------------------------------------------------------------------------- */

static void
pass_on(const SweepFault *fault, gpointer data)
{
    guint before = open_descriptors();
    g_autoptr(GError) error = NULL;
    json_t *message = json_pack("{s:s}", "type", "pin");
    json_t *received = NULL;
    TbChannel *ours, *theirs;
    int sockets[2], fd = -1;
    int beside = open("/dev/null", O_RDONLY | O_CLOEXEC);
    gboolean sent;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), ==, 0);
    ours = tb_channel_new(sockets[0]);
    theirs = tb_channel_new(sockets[1]);
    sweep_on();
    sent = tb_channel_send(ours, message, beside, &error);
    if (sent)
        (void)tb_channel_receive(theirs, FALSE, &received, &fd, &error);
    sweep_off();
    if (sweep_fired() && !fault->harmless) {
        g_assert_null(received); /* lost, and said so: or the peer is gone, which is no error */
    } else {
        g_assert_no_error(error);
        g_assert_true(json_equal(received, message));
        g_assert_cmpint(fd, >=, 0);
    }
    if (fd >= 0)
        g_assert_cmpint(close(fd), ==, 0);
    json_decref(received);
    json_decref(message);
    tb_channel_free(ours);
    tb_channel_free(theirs);
    g_assert_cmpint(close(beside), ==, 0);
    g_assert_cmpuint(open_descriptors(), ==, before);
}

/* --- Standard output
 * ------------------------------------------------------------------------------------- */

static void
on_broken(gpointer data)
{
    *(gboolean *)data = TRUE;
}

static void
reply(const SweepFault *fault, gpointer data)
{
    static const char expected[] = "{\"n\":1}{\"n\":2}";
    gboolean broken = FALSE;
    char bytes[64];
    GString *got = g_string_new(NULL);
    int ends[2];
    TbOutput *output;
    ssize_t count;

    g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
    output = tb_output_new(ends[1], on_broken, &broken);
    sweep_on();
    tb_output_send(output, json_pack("{s:i}", "n", 1));
    tb_output_send(output, json_pack("{s:i}", "n", 2));
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    sweep_off();
    tb_output_free(output);
    count = read(ends[0], bytes, sizeof bytes);
    g_assert_cmpint(close(ends[0]), ==, 0);
    for (ssize_t at = 0; at + 4 < count; at += 4 + 7) /* each a length, and 7 bytes */
        g_string_append_len(got, bytes + at + 4, MIN(7, count - at - 4));
    if (sweep_fired() && fault->lasting && !fault->harmless) {
        g_assert_true(broken);
        g_assert_true(g_str_has_prefix(expected, got->str));
    } else if (!broken) {
        g_assert_cmpstr(got->str, ==, expected);
    }
    g_assert_false(fault->harmless && broken);
    g_string_free(got, TRUE);
}

/* --- The configuration
 * -------------------------------------------------------------------------------------- */

static void
configure(const SweepFault *fault, gpointer data)
{
    static const char text[] = "[limits]\nlist-timeout = 1234\n";
    guint before = open_descriptors();
    int fd = memfd_create("configuration", MFD_CLOEXEC);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    g_autoptr(GError) error = NULL;
    g_autoptr(TbConfig) config = NULL;

    g_assert_cmpint(write(fd, text, strlen(text)), ==, (gssize)strlen(text));
    sweep_on();
    config = tb_config_load(path, NULL, &error);
    sweep_off();
    assert_outcome(fault, config != NULL, error);
    if (config)
        g_assert_cmpuint(config->list_timeout, ==, 1234);
    g_assert_cmpint(close(fd), ==, 0);
    g_assert_cmpuint(open_descriptors(), ==, before);
}

/* --- All of it
 * -------------------------------------------------------------------------------------------- */

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
        {"/sweep/host/sign-in", sign_in, 3},
        {"/sweep/host/channel", pass_on, 15},
        {"/sweep/host/output", reply, 10},
        {"/sweep/host/configuration", configure, 5},
    };

    sweep_init();
    g_test_init(&argc, &argv, NULL);
    g_assert_true(g_setenv("TOKENBRIDGE_LOG", "error", TRUE));
    tb_log_init("test-sweep-host");
    for (gsize i = 0; i < G_N_ELEMENTS(units); i++)
        g_test_add_data_func(units[i].name, &units[i], test_unit);
    return g_test_run();
}
