/* SPDX-License-Identifier: Apache-2.0
 *
 * PINs over the real channel: what reaches the token, how often, and what is said afterwards. The
 * wrapper module counts C_Login.
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <string.h>
#include <unistd.h>

#include "host/worker/certificate.h"
#include "tests/worker/lab.h"
#include "tests/worker/stage.h"

#define DEFAULT ((const char *const[]){"default", NULL})
#define PAD "flags=0x100\n" /* CKF_PROTECTED_AUTHENTICATION_PATH */

static guint
logins(const TbTestStage *stage)
{
    return tb_test_stage_count(stage, "login ");
}

static void
assert_signs(TbTestStage *stage, const char *pin)
{
    tb_test_assert_signature(tb_test_stage_sign(stage, "p256", "ES256", pin), "p256", "ES256", 0);
}

static void
assert_refused(TbTestStage *stage, const char *pin, const char *reason, const char *state)
{
    tb_test_stage_assert_refused(stage, "p256", "ES256", pin, reason, state);
}

static void
test_wrong_pin_is_sent_once(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new_wrapped(DEFAULT, NULL);
    json_t *answer;
    json_t *token = NULL;

    assert_refused(stage, "99999", "pin_incorrect", "low");
    g_assert_cmpuint(logins(stage), ==, 1);
    answer = tb_test_stage_sign(stage, "p256", "ES256", "99999");
    g_assert_true(json_is_true(json_object_get(json_object_get(answer, "error"), "repeated")));
    g_assert_nonnull(json_object_get(json_object_get(answer, "error"), "pin"));
    tb_test_assert_reason(answer, "pin_incorrect");
    g_assert_cmpuint(logins(stage), ==, 1);
    answer = tb_test_stage_sign(stage, "p256", "ES256", "88888");
    g_assert_null(json_object_get(json_object_get(answer, "error"), "repeated"));
    tb_test_assert_reason(answer, "pin_incorrect");
    g_assert_cmpuint(logins(stage), ==, 2);
    /* The kept listing shows the token's new state. */
    (void)tb_test_stage_list(stage);
    g_assert_nonnull(tb_test_stage_certificate(stage, "p256", &token));
    g_assert_cmpstr(json_string_value(json_object_get(json_object_get(token, "pin"), "state")), ==,
                    "low");
    assert_signs(stage, tb_test_lab_string("pin"));
    assert_refused(stage, "99999", "pin_incorrect", "ok");
    g_assert_cmpuint(logins(stage), ==, 3);
}

static void
test_empty_and_absent_pins_stay_here(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new_wrapped(DEFAULT, NULL);
    g_autofree char *longer = g_strnfill(256, '1');

    assert_refused(stage, "", "pin_incorrect", "ok");
    assert_refused(stage, TB_TEST_NO_PIN, "invalid_request", NULL);
    assert_refused(stage, longer, "internal", NULL);
    g_assert_cmpuint(logins(stage), ==, 0);
    assert_signs(stage, tb_test_lab_string("pin"));
}

/* The end of the pipe ends a PIN as well as a newline. */
static void
test_pin_without_newline(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new(DEFAULT);
    const char *pin = tb_test_lab_string("pin");
    int ends[2];

    g_assert_no_errno(pipe(ends));
    g_assert_cmpint(write(ends[1], pin, strlen(pin)), ==, (gssize)strlen(pin));
    close(ends[1]);
    tb_test_assert_signature(
        tb_test_worker_ask(stage->worker, tb_test_stage_request(stage, "p256", "ES256"), ends[0]),
        "p256", "ES256", 0);
    close(ends[0]);
}

static void
test_answers_of_login(void)
{
    static const struct {
        const char *script;
        const char *reason;
        const char *state;
    } rows[] = {
        {"C_Login=0xa0\nflags-after-login=0x40000", "pin_blocked", "locked"},
        {"C_Login=0xa0\nflags-after-login=0x20000", "pin_incorrect", "final_try"},
        {"C_Login=0xa4", "pin_blocked", "ok"},
        {"C_Login=0xa2", "pin_incorrect", "ok"}, /* CKR_PIN_LEN_RANGE */
        {"C_Login=0xa1", "pin_incorrect", "ok"}, /* CKR_PIN_INVALID */
        {"C_Login=0x5", "module_failed", "ok"},  /* CKR_GENERAL_ERROR: CAC's wrong PIN */
        {"C_Login=0x5\nflags-after-login=0x40000", "pin_blocked", "locked"},
        {"C_Login=0x32", "token_removed", "ok"},
        {"C_Login=0xe0", "token_removed", "ok"},
        {"C_Login=0xb3", "token_removed", "ok"},
        {"C_Login=0x50", "module_failed", "ok"}, /* no pad: nobody can have cancelled */
        {"C_Login=0x80000042", "module_failed", "ok"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(TbTestStage) stage = tb_test_stage_new_wrapped(DEFAULT, NULL);

        (void)tb_test_stage_list(stage);
        tb_test_stage_tell(stage, rows[i].script);
        assert_refused(stage, tb_test_lab_string("pin"), rows[i].reason, rows[i].state);
        g_assert_cmpuint(logins(stage), ==, 1); /* never retried by a program */
    }
}

/* Lengths and characters that a token does not take are no try, and may be typed again. */
static void
test_refusals_that_do_not_count(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new_wrapped(DEFAULT, NULL);

    (void)tb_test_stage_list(stage);
    tb_test_stage_tell(stage, "C_Login=0xa2");
    assert_refused(stage, tb_test_lab_string("pin"), "pin_incorrect", "ok");
    tb_test_stage_tell(stage, "");
    assert_signs(stage, tb_test_lab_string("pin"));
}

static void
test_locked_token_is_not_asked(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new_wrapped(DEFAULT, "flags=0x40000");
    json_t *token = NULL;

    assert_refused(stage, tb_test_lab_string("pin"), "pin_blocked", "locked");
    g_assert_cmpuint(logins(stage), ==, 0);
    g_assert_nonnull(tb_test_stage_certificate(stage, "p256", &token));
    g_assert_cmpstr(json_string_value(json_object_get(json_object_get(token, "pin"), "state")), ==,
                    "locked");
}

static void
test_earlier_login_is_no_consent(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new_wrapped(DEFAULT, "C_Login-once=0x100\n");

    assert_signs(stage, tb_test_lab_string("pin"));
    g_assert_cmpuint(logins(stage), ==, 2);
    g_assert_cmpuint(tb_test_stage_count(stage, "C_Logout"), ==, 2);
}

static void
test_pad(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new_wrapped(DEFAULT, PAD "pad-pin=1234");
    json_t *token = NULL;

    assert_signs(stage, TB_TEST_NO_PIN);
    g_assert_cmpuint(tb_test_stage_count(stage, "login user=1 pad"), ==, 1);
    g_assert_nonnull(tb_test_stage_certificate(stage, "p256", &token));
    g_assert_true(json_is_true(json_object_get(json_object_get(token, "pin"), "pad")));
    /* A wrong PIN on the pad is nobody's secret here: the next try goes to the pad again. */
    tb_test_stage_tell(stage, PAD "pad-pin=9999");
    assert_refused(stage, TB_TEST_NO_PIN, "pin_incorrect", "low");
    tb_test_stage_tell(stage, PAD "pad-pin=1234");
    assert_signs(stage, TB_TEST_NO_PIN);
}

static void
test_pad_failures(void)
{
    static const struct {
        const char *script;
        const char *reason;
    } rows[] = {
        {PAD "C_Login=0x50\npad-delay=700", "user_cancelled"},
        {PAD "C_Login=0x50", "pin_pad_failed"}, /* faster than a finger: the reader's own doing */
        {PAD "C_Login=0x30", "pin_pad_failed"},
        {PAD "C_Login=0x6\npad-delay=700", "pin_pad_failed"},
        {PAD "C_Login=0x32\npad-delay=700", "token_removed"},
        {PAD "C_Login=0xa4", "pin_blocked"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(TbTestStage) stage = tb_test_stage_new_wrapped(DEFAULT, PAD);

        (void)tb_test_stage_list(stage);
        tb_test_stage_tell(stage, rows[i].script);
        assert_refused(stage, TB_TEST_NO_PIN, rows[i].reason, "ok");
        g_assert_cmpuint(logins(stage), ==, 1);
    }
}

/* SoftHSM's own way with PINs: it tells of a wrong one, and never locks. */
static void
test_changes(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new_wrapped(DEFAULT, NULL);
    const char *pin = tb_test_lab_string("pin");
    const char *puk = tb_test_lab_string("so_pin");
    g_autofree char *change = g_strconcat(pin, "\n98765", NULL);
    g_autofree char *unblock = g_strconcat(puk, "\n", pin, NULL);

    tb_test_assert_reason(tb_test_stage_pin(stage, "change_pin", "1111\n98765"), "pin_incorrect");
    tb_test_assert_reason(tb_test_stage_pin(stage, "change_pin", change), NULL);
    assert_signs(stage, "98765");
    assert_refused(stage, pin, "pin_incorrect", "low");
    tb_test_assert_reason(tb_test_stage_pin(stage, "change_pin", "98765\n123"), "pin_invalid");
    tb_test_assert_reason(tb_test_stage_pin(stage, "unblock_pin", "87654321\n2222"),
                          "puk_incorrect");
    tb_test_assert_reason(tb_test_stage_pin(stage, "unblock_pin", unblock), NULL);
    assert_signs(stage, pin);
}

static GBytes *
file_of(const char *user, const char *member)
{
    const char *path = json_string_value(json_object_get(tb_test_lab_user(user), member));
    g_autoptr(GError) error = NULL;
    char *text = NULL;
    gsize length = 0;

    g_file_get_contents(path, &text, &length, &error);
    g_assert_no_error(error);
    return g_bytes_new_take(text, length);
}

/* A private certificate, which none of the usual tools makes. */
static void
create_private_certificate(const CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, const char *user)
{
    g_autoptr(GBytes) der = file_of(user, "der");
    g_autoptr(TbCertificate) certificate =
        tb_certificate_parse(g_bytes_get_data(der, NULL), g_bytes_get_size(der), NULL, NULL);
    unsigned char *subject = NULL;
    int length = i2d_X509_NAME(X509_get_subject_name(certificate->x509), &subject);
    CK_OBJECT_CLASS object_class = CKO_CERTIFICATE;
    CK_CERTIFICATE_TYPE type = CKC_X_509;
    CK_BBOOL yes = CK_TRUE;
    guint8 id = 1;
    CK_ATTRIBUTE attributes[] = {
        {CKA_CLASS, &object_class, sizeof object_class},
        {CKA_CERTIFICATE_TYPE, &type, sizeof type},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_ID, &id, sizeof id},
        {CKA_SUBJECT, subject, (CK_ULONG)length},
        {CKA_VALUE, (void *)(guintptr)g_bytes_get_data(der, NULL), g_bytes_get_size(der)},
    };
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;

    g_assert_cmphex(p11->C_CreateObject(session, attributes, G_N_ELEMENTS(attributes), &object), ==,
                    CKR_OK);
    OPENSSL_free(subject);
}

/* The token of a store, which has nothing on it, gets what shows only after a login. */
static void
fill_hidden(const char *conf)
{
    void *library;
    CK_C_GetFunctionList get_list;
    CK_FUNCTION_LIST *p11 = NULL;
    CK_SLOT_ID slots[4];
    CK_ULONG count = G_N_ELEMENTS(slots);
    CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
    const char *pin = tb_test_lab_string("pin");

    g_assert_true(g_setenv("SOFTHSM2_CONF", conf, TRUE));
    library = dlopen(tb_test_lab_string("module"), RTLD_NOW | RTLD_LOCAL);
    g_assert_nonnull(library);
    *(void **)&get_list = dlsym(library, "C_GetFunctionList");
    g_assert_cmphex(get_list(&p11), ==, CKR_OK);
    g_assert_cmphex(p11->C_Initialize(NULL), ==, CKR_OK);
    g_assert_cmphex(p11->C_GetSlotList(CK_TRUE, slots, &count), ==, CKR_OK);
    g_assert_cmphex(
        p11->C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session), ==,
        CKR_OK);
    g_assert_cmphex(p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)(guintptr)pin, strlen(pin)), ==,
                    CKR_OK);
    create_private_certificate(p11, session, "p256");
    g_assert_cmphex(p11->C_Finalize(NULL), ==, CKR_OK);
    g_unsetenv("SOFTHSM2_CONF");
}

static void
test_hidden(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new((const char *const[]){"empty", NULL});
    const char *pin = tb_test_lab_string("pin");
    json_t *request;
    json_t *token;

    fill_hidden(stage->conf);
    tb_test_lab_run(stage->conf, "softhsm2-util", "--import",
                    json_string_value(json_object_get(tb_test_lab_user("p256"), "private_key")),
                    "--token", "New card", "--label", "key", "--id", "01", "--pin", pin,
                    (char *)NULL);
    (void)tb_test_stage_list(stage);
    token = json_array_get(json_object_get(stage->listing, "tokens"), 0);
    g_assert_true(json_is_true(json_object_get(token, "hidden")));
    tb_test_assert_reason(tb_test_stage_pin(stage, "reveal", "9999"), "pin_incorrect");
    tb_test_assert_reason(tb_test_stage_pin(stage, "reveal", pin), NULL);
    (void)tb_test_stage_list(stage);
    g_assert_nonnull(tb_test_stage_certificate(stage, "p256", &token));
    g_assert_true(json_is_false(json_object_get(token, "hidden")));
    assert_signs(stage, pin);
    tb_test_assert_reason(tb_test_stage_pin(stage, "reveal", pin), NULL);
    request = tb_test_stage_request(stage, "p256", "ES256");
    json_object_set_new(request, "held", json_true());
    tb_test_assert_signature(tb_test_worker_ask(stage->worker, request, -1), "p256", "ES256", 0);
}

int
main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/login/wrong-pin", test_wrong_pin_is_sent_once);
    g_test_add_func("/worker/login/empty-pin", test_empty_and_absent_pins_stay_here);
    g_test_add_func("/worker/login/no-newline", test_pin_without_newline);
    g_test_add_func("/worker/login/answers", test_answers_of_login);
    g_test_add_func("/worker/login/not-counted", test_refusals_that_do_not_count);
    g_test_add_func("/worker/login/locked", test_locked_token_is_not_asked);
    g_test_add_func("/worker/login/earlier-login", test_earlier_login_is_no_consent);
    g_test_add_func("/worker/login/pad", test_pad);
    g_test_add_func("/worker/login/pad-failures", test_pad_failures);
    g_test_add_func("/worker/login/changes", test_changes);
    g_test_add_func("/worker/login/hidden", test_hidden);
    status = g_test_run();
    tb_test_lab_remove();
    return status;
}
