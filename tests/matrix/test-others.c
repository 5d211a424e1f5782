/* SPDX-License-Identifier: Apache-2.0
 *
 * What users of other programs of this kind complained about, where it takes a real reader service
 * to see that it does not happen here: the order in which service, reader, card and program come,
 * and other programs at the card. README.md lists all complaints and the tests for each. Skips, and
 * says why, where pcscd cannot be had.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/matrix/kind.h"
#include "tests/piv/rig.h"
#include "tests/support/assert.h"
#include "tests/support/namespace.h"
#include "tests/worker/lab.h"
#include "tests/worker/stage.h"

#define INS_VERIFY 0x20
#define LIST_MS 5000 /* the host's patience (list-timeout) */
#define SEEN_MS 20000
#define LOOK_US 20000
#define RESETS 60

typedef struct Desk {
    TbRig *rig;
    TbTestStage stage; /* with worker and listing only */
    gint resets;
} Desk;

static void
set_up(Desk *desk, gconstpointer data)
{
    desk->rig = tb_rig_new();
}

static void
tear_down(Desk *desk, gconstpointer data)
{
    if (desk->stage.worker)
        tb_test_worker_free(desk->stage.worker);
    json_decref(desk->stage.listing);
    tb_rig_free(desk->rig);
}

static void
start_worker(Desk *desk)
{
    desk->stage.worker = tb_test_worker_start(tb_kind_piv.module(), (const char *const[]){NULL});
}

static void
start_card(Desk *desk)
{
    g_autofree char *slot = tb_rig_slot("9A", "rsa");

    tb_rig_start_card(desk->rig, 1, "card", (const char *const[]){slot, NULL});
}

static size_t
list(Desk *desk)
{
    json_t *listing = tb_test_stage_list(&desk->stage);

    g_assert_null(json_object_get(listing, "error"));
    return json_array_size(json_object_get(listing, "tokens"));
}

static void
list_until(Desk *desk, size_t wanted)
{
    gint64 end = g_get_monotonic_time() + (gint64)SEEN_MS * 1000;

    while (list(desk) != wanted) {
        if (g_get_monotonic_time() > end)
            g_error("after %d ms there are not %zu tokens", SEEN_MS, wanted);
        g_usleep(LOOK_US);
    }
}

static void
assert_signs(Desk *desk)
{
    tb_test_assert_signature(tb_test_stage_sign(&desk->stage, "rsa", "RS256", TB_RIG_PIN), "rsa",
                             "RS256", 0);
}

/* "The program freezes when the card is in the reader before it starts." */
static void
test_card_before_start(Desk *desk, gconstpointer data)
{
    gint64 begin;

    tb_rig_start_service(desk->rig, TRUE);
    start_card(desk);
    tb_rig_insert(desk->rig, "yubikey");
    begin = g_get_monotonic_time();
    start_worker(desk);
    g_assert_cmpuint(list(desk), ==, 1);
    g_assert_cmpint(g_get_monotonic_time() - begin, <, (gint64)LIST_MS * 1000);
    assert_signs(desk);
}

/* "It has to be started again after pcscd was started, or the reader plugged in." */
static void
test_everything_later(Desk *desk, gconstpointer data)
{
    start_worker(desk);
    g_assert_cmpuint(list(desk), ==, 0);
    tb_rig_start_service(desk->rig, FALSE);
    g_assert_cmpuint(list(desk), ==, 0);
    tb_rig_stop_service(desk->rig); /* how vpcd's readers are plugged in */
    tb_rig_start_service(desk->rig, TRUE);
    g_assert_cmpuint(list(desk), ==, 0);
    start_card(desk);
    tb_rig_insert(desk->rig, "yubikey");
    list_until(desk, 1);
    assert_signs(desk);
}

static gpointer
keep_resetting(gpointer data)
{
    Desk *desk = data;

    for (int i = 0; i < RESETS; i++) {
        if (tb_rig_reset(desk->rig))
            g_atomic_int_inc(&desk->resets);
        g_usleep(LOOK_US);
    }
    return NULL;
}

/* One signature while the card is being reset. OpenSC 0.23 can lock itself up then, in sc_unlock();
 * the host ends such a worker when its time is over, and so do we. */
static const char *
sign_meanwhile(Desk *desk)
{
    int ends[2];
    json_t *answer;
    const char *reason;

    tb_test_pipe(ends, TB_RIG_PIN "\n");
    tb_test_worker_send(desk->stage.worker, tb_test_stage_request(&desk->stage, "rsa", "RS256"),
                        ends[0]);
    tb_test_pipe_close(ends);
    if (!tb_test_worker_answers(desk->stage.worker, LIST_MS)) {
        tb_test_worker_free(desk->stage.worker);
        start_worker(desk);
        return "hung";
    }
    answer = tb_test_worker_receive(desk->stage.worker);
    reason = g_intern_string(
        json_string_value(json_object_get(json_object_get(answer, "error"), "reason")));
    json_decref(answer);
    return reason ? reason : "signed";
}

/* "After another program has used the card it is blocked", or the PIN is asked for without end. A
 * reset takes the login away; the PIN was right all the same, and we send it once for each request.
 * When the reset comes between login and signature, OpenSC may show the card once more, by itself,
 * what the card has just taken (use_pin_caching, on by default). */
static void
test_reset_by_another_program(Desk *desk, gconstpointer data)
{
    static const char *const expected[] = {"signed", "token_removed", "module_failed", "hung",
                                           NULL};
    GThread *other;
    guint asked;

    tb_rig_start_service(desk->rig, TRUE);
    start_card(desk);
    tb_rig_insert(desk->rig, "yubikey");
    start_worker(desk);
    list_until(desk, 1);
    other = g_thread_new("other", keep_resetting, desk);
    for (asked = 0; asked < 10; asked++) {
        const char *outcome = sign_meanwhile(desk);

        g_test_message("%s", outcome);
        if (!g_strv_contains(expected, outcome))
            g_error("a reset became %s", outcome);
    }
    (void)g_thread_join(other);
    g_assert_cmpint(desk->resets, >, 0);
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_VERIFY), <=, 2 * asked);
    list_until(desk, 1);
    assert_signs(desk);
}

typedef struct Refuser {
    int fd;
    gint refused;
} Refuser;

/* As pcscd does with a client that polkit does not let in. */
static gpointer
refuse_all(gpointer data)
{
    Refuser *refuser = data;
    int client;

    while ((client = accept4(refuser->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0 || errno == EINTR) {
        g_atomic_int_inc(&refuser->refused);
        (void)close(client);
    }
    return NULL;
}

/* "It hangs when polkit does not let it speak to pcscd." No tokens, at once; and as soon as the
 * service lets us in, all is well. */
static void
test_refused_by_service(Desk *desk, gconstpointer data)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/pcscd/pcscd.comm"};
    Refuser refuser = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    GThread *service;

    g_assert_no_errno(g_mkdir_with_parents("/run/pcscd", 0755));
    (void)g_unlink(address.sun_path);
    g_assert_no_errno(bind(refuser.fd, (const struct sockaddr *)&address, sizeof address));
    g_assert_no_errno(listen(refuser.fd, 8));
    service = g_thread_new("service", refuse_all, &refuser);
    start_worker(desk);
    g_assert_cmpuint(list(desk), ==, 0);
    g_assert_cmpint(g_atomic_int_get(&refuser.refused), >, 0);
    (void)shutdown(refuser.fd, SHUT_RDWR);
    (void)g_thread_join(service);
    (void)close(refuser.fd);
    (void)g_unlink(address.sun_path);
    tb_rig_start_service(desk->rig, TRUE);
    start_card(desk);
    tb_rig_insert(desk->rig, "yubikey");
    list_until(desk, 1);
    assert_signs(desk);
}

static const struct {
    const char *path;
    void (*run)(Desk *desk, gconstpointer data);
} cases[] = {
    {"/others/card-before-start", test_card_before_start},
    {"/others/everything-later", test_everything_later},
    {"/others/reset-by-another-program", test_reset_by_another_program},
    {"/others/refused-by-service", test_refused_by_service},
};

int
main(int argc, char **argv)
{
    const char *missing = tb_kind_piv.missing();
    int status;

    if (!missing)
        missing = tb_test_namespace_enter();
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        tb_test_add_or_skip(missing, cases[i].path, Desk, set_up, cases[i].run, tear_down);
    status = g_test_run();
    tb_test_lab_remove();
    return status;
}
