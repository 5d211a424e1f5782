/* SPDX-License-Identifier: Apache-2.0
 *
 * Modules that fail, lie, hang or are none; tokens that come and go; requests and channels that are
 * broken. Each is answered with the true word, and the worker ends when its channel does.
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/worker/lab.h"
#include "tests/worker/stage.h"

#define DEFAULT ((const char *const[]){"default", NULL})
#define NO_TOKENS ((const char *const[]){NULL})
#define ENDS_WITHIN_MS 2500 /* a second of grace, on a busy machine */

static json_t *
message(const char *text)
{
    json_t *object = json_loads(text, 0, NULL);

    g_assert_nonnull(object);
    return object;
}

static const char *
message_of(json_t *answer)
{
    return json_string_value(json_object_get(json_object_get(answer, "error"), "message"));
}

/* Every request is answered, with the reason and a sentence that has said in it. */
static void
assert_module_fails(const char *module, const char *said)
{
    g_autoptr(TbTestWorker) worker = tb_test_worker_start(module, NO_TOKENS);

    for (int i = 0; i < 2; i++) {
        json_t *answer = tb_test_worker_ask(worker, message("{\"op\": \"list\"}"), -1);

        g_assert_nonnull(message_of(answer));
        if (!strstr(message_of(answer), said))
            g_error("\"%s\" is not in \"%s\"", said, message_of(answer));
        tb_test_assert_reason(answer, "module_failed");
    }
}

static void
test_modules_that_are_none(void)
{
    g_autofree char *folder = tb_test_lab_folder("modules");
    g_autofree char *text = g_build_filename(folder, "text.so", NULL);
    g_autofree char *other = g_build_filename(folder, "other.so", NULL);
    g_autofree char *bytes = NULL;
    gsize length = 0;

    assert_module_fails("/nonexistent/module.so", "No such file");
    g_assert_true(g_file_set_contents(text, "this is text", -1, NULL));
    assert_module_fails(text, "file too short");
    /* The real module, but for another machine: e_machine, at 18 in the ELF header. */
    g_assert_true(g_file_get_contents(tb_test_lab_string("module"), &bytes, &length, NULL));
    bytes[18] = 0x16;
    bytes[19] = 0;
    g_assert_true(g_file_set_contents(other, bytes, (gssize)length, NULL));
    assert_module_fails(other, "made for another kind of computer");
    assert_module_fails("/lib/x86_64-linux-gnu/libm.so.6", "not a PKCS#11 module");
}

static void
test_modules_that_fail_at_the_start(void)
{
    static const struct {
        const char *script;
        const char *said;
    } rows[] = {
        {"C_GetFunctionList=0x5", "C_GetFunctionList: CKR_GENERAL_ERROR"},
        {"C_Initialize=0x30", "C_Initialize or C_GetInfo: CKR_DEVICE_ERROR"},
        {"C_GetInfo=0x5", "CKR_GENERAL_ERROR"},
        {"C_GetSlotList=0x6", "C_GetSlotList: CKR_FUNCTION_FAILED"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(TbTestStage) stage = tb_test_stage_new_wrapped(DEFAULT, rows[i].script);
        json_t *answer;

        (void)tb_test_stage_list(stage);
        answer = json_incref(tb_test_stage_list(stage));
        if (!strstr(message_of(answer), rows[i].said))
            g_error("\"%s\" is not in \"%s\"", rows[i].said, message_of(answer));
        tb_test_assert_reason(answer, "module_failed");
        /* It recovers without a new process. */
        tb_test_stage_tell(stage, "");
        (void)tb_test_stage_list(stage);
        g_assert_nonnull(tb_test_stage_certificate(stage, "p256", NULL));
    }
}

static void
test_one_failing_slot_does_not_hide_another(void)
{
    g_autoptr(TbTestStage) stage =
        tb_test_stage_new_wrapped((const char *const[]){"default", "rsa", NULL}, NULL);
    g_autofree char *script = NULL;
    json_t *token = NULL;
    json_t *tokens;
    guint failed = 0;
    guint started;

    (void)tb_test_stage_list(stage);
    g_assert_nonnull(tb_test_stage_certificate(stage, "rsa", &token));
    script = g_strdup_printf("C_OpenSession=0x30\nC_OpenSession-slot=%" JSON_INTEGER_FORMAT,
                             json_integer_value(json_object_get(token, "slot")));
    tb_test_stage_tell(stage, script);
    tokens = json_object_get(tb_test_stage_list(stage), "tokens");
    g_assert_cmpuint(json_array_size(tokens), ==, 2);
    g_assert_null(tb_test_stage_certificate(stage, "rsa", NULL));
    g_assert_nonnull(tb_test_stage_certificate(stage, "p256", NULL));
    for (size_t i = 0; i < 2; i++) {
        json_t *error = json_object_get(json_array_get(tokens, i), "error");

        if (!error)
            continue;
        failed++;
        g_assert_cmpstr(json_string_value(json_object_get(error, "reason")), ==, "module_failed");
        g_assert_nonnull(
            strstr(json_string_value(json_object_get(error, "message")), "CKR_DEVICE_ERROR"));
    }
    g_assert_cmpuint(failed, ==, 1);
    tb_test_assert_signature(tb_test_stage_sign(stage, "p256", "ES256", tb_test_lab_string("pin")),
                             "p256", "ES256", 0);
    tb_test_stage_tell(stage, "");
    started = tb_test_stage_count(stage, "C_Initialize");
    (void)tb_test_stage_list(stage);
    g_assert_nonnull(tb_test_stage_certificate(stage, "rsa", NULL));
    /* Each reading has a context of libp11 of its own, in the same initialisation. */
    g_assert_cmpuint(tb_test_stage_count(stage, "C_Initialize"), ==, started + 1);
    g_assert_cmpuint(tb_test_stage_count(stage, "C_Finalize"), ==, 1);
}

/* libp11 gives up on all certificates when one is not X.509; we do not. */
static void
test_one_bad_certificate_does_not_hide_the_others(void)
{
    static const char *const scripts[] = {"garbage=value", "garbage=type"};

    for (gsize i = 0; i < G_N_ELEMENTS(scripts); i++) {
        g_autoptr(TbTestStage) stage =
            tb_test_stage_new_wrapped((const char *const[]){"many", NULL}, scripts[i]);
        json_t *tokens = json_object_get(tb_test_stage_list(stage), "tokens");

        /* All 12 users and both authorities, less one. */
        g_assert_cmpuint(
            json_array_size(json_object_get(json_array_get(tokens, 0), "certificates")), ==,
            12 + 2 - 1);
    }
}

static void
test_lengths_and_counts_that_cannot_be(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new_wrapped(DEFAULT, "length=0x7fffffffffff");
    json_t *tokens = json_object_get(tb_test_stage_list(stage), "tokens");

    g_assert_cmpuint(json_array_size(tokens), ==, 1);
    g_assert_cmpuint(json_array_size(json_object_get(json_array_get(tokens, 0), "certificates")),
                     ==, 0);
    tb_test_stage_tell(stage, "endless=true");
    tokens = json_object_get(tb_test_stage_list(stage), "tokens");
    g_assert_cmpuint(json_array_size(tokens), ==, 1);
}

static void
test_wrong_signature_never_leaves(void)
{
    g_autoptr(TbTestStage) stage =
        tb_test_stage_new_wrapped((const char *const[]){"many", NULL}, NULL);
    const char *pin = tb_test_lab_string("pin");

    (void)tb_test_stage_list(stage);
    tb_test_stage_tell(stage, "corrupt=true");
    tb_test_stage_assert_refused(stage, "p256", "ES256", pin, "module_failed", NULL);
    tb_test_stage_assert_refused(stage, "rsa", "RS256", pin, "module_failed", NULL);
    tb_test_stage_assert_refused(stage, "rsa", "PS512", pin, "module_failed", NULL);
    tb_test_stage_assert_refused(stage, "ed25519", "EdDSA", pin, "module_failed", NULL);
    tb_test_stage_tell(stage, "");
    tb_test_assert_signature(tb_test_stage_sign(stage, "p256", "ES256", pin), "p256", "ES256", 0);
}

static void
test_failures_while_signing(void)
{
    static const struct {
        const char *script;
        const char *reason;
    } rows[] = {
        {"C_GetTokenInfo=0xe0", "token_missing"}, {"C_OpenSession=0xe0", "token_missing"},
        {"C_OpenSession=0x32", "token_missing"},  {"C_FindObjectsInit=0x32", "token_removed"},
        {"C_SignInit=0x32", "token_removed"},     {"C_SignInit=0x70", "unsupported"},
        {"C_Sign=0x32", "token_removed"},         {"C_Sign=0xb3", "token_removed"},
        {"C_Sign=0x101", "token_removed"},        {"C_Sign=0x30", "module_failed"},
        {"C_Sign=0x80000001", "module_failed"},   {"mechanisms=none", "unsupported"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(TbTestStage) lister = tb_test_stage_new(DEFAULT);
        g_autoptr(TbTestStage) stage = tb_test_stage_new_wrapped(DEFAULT, NULL);
        gboolean fresh = strcmp(rows[i].script, "mechanisms=none") == 0;
        json_t *request;
        guint opened;

        if (!fresh)
            (void)tb_test_stage_list(stage);
        request = tb_test_stage_request(fresh ? lister : stage, "p256", "ES256");
        tb_test_stage_tell(stage, rows[i].script);
        tb_test_assert_reason(
            tb_test_worker_ask_with_pin(stage->worker, request, tb_test_lab_string("pin")),
            rows[i].reason);
        /* No session and no login is left behind; the next request works. */
        opened = tb_test_stage_count(stage, "C_OpenSession");
        if (!g_str_has_prefix(rows[i].script, "C_OpenSession"))
            g_assert_cmpuint(opened - tb_test_stage_count(stage, "C_CloseSession"), <=, 2);
        tb_test_stage_tell(stage, "");
        tb_test_assert_signature(
            tb_test_stage_sign(stage, "p256", "ES256", tb_test_lab_string("pin")), "p256", "ES256",
            0);
    }
}

/* Real removal and insertion, as far as SoftHSM has them: the token's folder goes and comes. */
static void
test_token_comes_and_goes(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new(NO_TOKENS);
    const char *pin = tb_test_lab_string("pin");

    for (int i = 0; i < 3; i++) {
        g_assert_cmpuint(json_array_size(json_object_get(tb_test_stage_list(stage), "tokens")), ==,
                         0);
        tb_test_lab_insert(stage->conf, "default");
        g_assert_cmpuint(json_array_size(json_object_get(tb_test_stage_list(stage), "tokens")), ==,
                         1);
        tb_test_assert_signature(tb_test_stage_sign(stage, "p256", "ES256", pin), "p256", "ES256",
                                 0);
        tb_test_lab_take_out(stage->conf);
        if (i == 1) {
            tb_test_stage_assert_refused(stage, "p256", "ES256", pin, "token_removed", NULL);
            tb_test_stage_assert_refused(stage, "p256", "ES256", pin, "token_missing", NULL);
        }
    }
}

static void
test_one_of_two_tokens_goes(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new((const char *const[]){"default", "rsa", NULL});

    g_assert_cmpuint(json_array_size(json_object_get(tb_test_stage_list(stage), "tokens")), ==, 2);
    tb_test_lab_take_out(stage->conf);
    tb_test_lab_insert(stage->conf, "rsa");
    g_assert_cmpuint(json_array_size(json_object_get(tb_test_stage_list(stage), "tokens")), ==, 1);
    g_assert_nonnull(tb_test_stage_certificate(stage, "rsa", NULL));
}

static void
test_bad_requests(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new(DEFAULT);
    static const char *const requests[] = {
        "{}",
        "{\"op\": 1}",
        "{\"op\": \"erase\"}",
        "{\"op\": \"list\", \"more\": 1}",
        "{\"op\": \"sign\"}",
        "{\"op\": \"sign\", \"held\": 1}",
        "{\"op\": \"change_pin\"}",
        "{\"op\": \"change_pin\", \"slot\": 1}",
        "{\"op\": \"change_pin\", \"token\": \"1\"}",
        "{\"op\": \"change_pin\", \"slot\": 1, \"token\": \"1\", \"pin\": \"1234\"}",
        "{\"op\": \"unblock_pin\", \"slot\": \"1\", \"token\": \"1\"}",
        "{\"op\": \"unblock_pin\", \"slot\": 1, \"token\": \"1\", \"puk\": \"1234\"}",
        "{\"op\": \"reveal\", \"slot\": 1, \"token\": 1}",
        "{\"op\": \"reveal\", \"slot\": 1, \"token\": \"1\", \"held\": true}",
    };
    static const struct {
        const char *member;
        const char *value; /* JSON; NULL: the member is left out */
        const char *reason;
    } changes[] = {
        {"slot", NULL, "invalid_request"},
        {"slot", "\"0\"", "invalid_request"},
        {"slot", "1.5", "invalid_request"},
        {"slot", "-1", "token_missing"},
        {"token", NULL, "invalid_request"},
        {"token", "5", "invalid_request"},
        {"token", "\"\"", "token_missing"},
        {"certificate", NULL, "invalid_request"},
        {"certificate", "\"abc\"", "invalid_request"},
        {"certificate", "\"0000000000000000000000000000000000000000000000000000000000000000\"",
         "no_certificate"},
        {"algorithm", NULL, "invalid_request"},
        {"algorithm", "\"HS256\"", "unsupported"},
        {"input", NULL, "invalid_request"},
        {"input", "\"AAA\"", "invalid_request"},
        {"input", "\"A A=\"", "invalid_request"},
        {"prehashed", "\"no\"", "invalid_request"},
        {"pin", "\"1234\"", "invalid_request"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(requests); i++)
        tb_test_assert_reason(tb_test_worker_ask(stage->worker, message(requests[i]), -1),
                              "invalid_request");
    for (gsize i = 0; i < G_N_ELEMENTS(changes); i++) {
        json_t *request = tb_test_stage_request(stage, "p256", "ES256");

        if (changes[i].value)
            json_object_set_new(request, changes[i].member,
                                json_loads(changes[i].value, JSON_DECODE_ANY, NULL));
        else
            json_object_del(request, changes[i].member);
        tb_test_assert_reason(
            tb_test_worker_ask_with_pin(stage->worker, request, tb_test_lab_string("pin")),
            changes[i].reason);
    }
    tb_test_assert_signature(tb_test_stage_sign(stage, "p256", "ES256", tb_test_lab_string("pin")),
                             "p256", "ES256", 0);
}

static void
test_broken_frame_ends_it(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new(DEFAULT);

    tb_test_worker_send_raw(stage->worker, "\x05\0\0\0junk!", 9);
    tb_test_assert_reason(tb_test_worker_receive(stage->worker), "invalid_request");
    g_assert_cmpint(tb_test_worker_wait(stage->worker, ENDS_WITHIN_MS), ==, 0);
}

static void
test_ends_with_the_channel(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new_wrapped(DEFAULT, NULL);

    (void)tb_test_stage_list(stage);
    tb_test_worker_hang_up(stage->worker);
    g_assert_cmpint(tb_test_worker_wait(stage->worker, ENDS_WITHIN_MS), ==, 0);
    g_assert_cmpuint(tb_test_stage_count(stage, "C_Finalize"), ==, 1);
}

/* The channel closes while the module hangs: within a call, and at the last one. */
static void
test_ends_with_the_channel_though_the_module_hangs(void)
{
    static const char *const calls[] = {"C_Login-hang=true", "C_Sign-hang=true",
                                        "C_Finalize-hang=true"};

    for (gsize i = 0; i < G_N_ELEMENTS(calls); i++) {
        g_autoptr(TbTestStage) stage = tb_test_stage_new_wrapped(DEFAULT, NULL);
        const char *pin = tb_test_lab_string("pin");
        json_t *request = tb_test_stage_request(stage, "p256", "ES256");
        int ends[2];

        tb_test_stage_tell(stage, calls[i]);
        g_assert_no_errno(pipe(ends));
        g_assert_cmpint(write(ends[1], pin, strlen(pin)), ==, (gssize)strlen(pin));
        close(ends[1]);
        tb_test_worker_send(stage->worker, request, ends[0]);
        close(ends[0]);
        g_usleep(300000);
        g_assert_cmpint(tb_test_worker_wait(stage->worker, 0), ==, -1);
        tb_test_worker_hang_up(stage->worker);
        g_assert_cmpint(tb_test_worker_wait(stage->worker, ENDS_WITHIN_MS), ==, 0);
    }
}

/* Run by hand it says what it is. */
static void
test_without_a_channel(void)
{
    static const struct {
        const char *arguments[2];
        int status;
        const char *said;
    } rows[] = {
        {{"--help", NULL}, 0, "Usage: tokenbridge-worker"},
        {{"--version", NULL}, 0, "tokenbridge-worker "},
        {{NULL}, 2, "Usage: tokenbridge-worker"},
        {{"/usr/lib/softhsm/libsofthsm2.so", NULL}, 2, "Usage: tokenbridge-worker"},
        {{"relative.so", NULL}, 2, "Usage: tokenbridge-worker"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *argv[] = {g_getenv("TB_TEST_WORKER"), rows[i].arguments[0], NULL};
        g_autofree char *output = NULL;
        g_autofree char *errors = NULL;
        int status = -1;

        g_assert_true(g_spawn_sync(NULL, (char **)(guintptr)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL,
                                   &output, &errors, &status, NULL));
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, rows[i].status);
        g_assert_nonnull(strstr(rows[i].status == 0 ? output : errors, rows[i].said));
    }
}

int
main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/faults/no-modules", test_modules_that_are_none);
    g_test_add_func("/worker/faults/start", test_modules_that_fail_at_the_start);
    g_test_add_func("/worker/faults/one-slot", test_one_failing_slot_does_not_hide_another);
    g_test_add_func("/worker/faults/one-certificate",
                    test_one_bad_certificate_does_not_hide_the_others);
    g_test_add_func("/worker/faults/absurd", test_lengths_and_counts_that_cannot_be);
    g_test_add_func("/worker/faults/wrong-signature", test_wrong_signature_never_leaves);
    g_test_add_func("/worker/faults/signing", test_failures_while_signing);
    g_test_add_func("/worker/faults/comes-and-goes", test_token_comes_and_goes);
    g_test_add_func("/worker/faults/one-of-two-goes", test_one_of_two_tokens_goes);
    g_test_add_func("/worker/faults/bad-requests", test_bad_requests);
    g_test_add_func("/worker/faults/broken-frame", test_broken_frame_ends_it);
    g_test_add_func("/worker/faults/channel-ends", test_ends_with_the_channel);
    g_test_add_func("/worker/faults/channel-ends-in-a-call",
                    test_ends_with_the_channel_though_the_module_hangs);
    g_test_add_func("/worker/faults/no-channel", test_without_a_channel);
    status = g_test_run();
    tb_test_lab_remove();
    return status;
}
