/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: a worker on the test token. See desk.h. Test code only.
 */
#include "tests/token/desk.h"

#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "host/worker/signature.h"
#include "tests/token/script.h"
#include "tests/worker/issue.h"
#include "tokenbridge/reason.h"

TtDesk *
tt_desk_new(void)
{
    TtDesk *desk = g_new0(TtDesk, 1);
    g_autoptr(GError) error = NULL;

    desk->folder = g_dir_make_tmp("tokenbridge-token-XXXXXX", &error);
    g_assert_no_error(error);
    desk->script = g_build_filename(desk->folder, "script.json", NULL);
    return desk;
}

static char *
in_folder(const TtDesk *desk, const char *name, const char *suffix)
{
    g_autofree char *file = g_strconcat(name, suffix, NULL);

    return g_build_filename(desk->folder, file, NULL);
}

static void
remove_folder(const char *folder)
{
    g_autoptr(GDir) files = g_dir_open(folder, 0, NULL);
    const char *name;

    while (files && (name = g_dir_read_name(files))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        (void)g_unlink(path);
    }
    (void)g_rmdir(folder);
}

void
tt_desk_stop(TtDesk *desk)
{
    g_clear_pointer(&desk->worker, tb_test_worker_free);
    g_clear_pointer(&desk->listing, json_decref);
}

void
tt_desk_free(TtDesk *desk)
{
    tt_desk_stop(desk);
    remove_folder(desk->folder);
    g_free(desk->folder);
    g_free(desk->script);
    g_free(desk);
}

void
tt_desk_person(const TtDesk *desk, const char *name, const char *kind, const char *usage)
{
    g_autofree char *key_usage = g_strconcat("keyUsage=critical,", usage, NULL);
    g_autofree char *key_path = in_folder(desk, name, ".key");
    g_autofree char *certificate_path = in_folder(desk, name, ".pem");
    EVP_PKEY *key = tb_test_key(kind);
    TbTestIssue issue = {.subject = name, .key = key, .extensions = {key_usage, NULL}};
    X509 *x509 = tb_test_issue(&issue);
    BIO *file = BIO_new_file(key_path, "w");

    g_assert_nonnull(file);
    g_assert_true(PEM_write_bio_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
    BIO_free(file);
    file = BIO_new_file(certificate_path, "w");
    g_assert_nonnull(file);
    g_assert_true(PEM_write_bio_X509(file, x509));
    BIO_free(file);
    X509_free(x509);
    EVP_PKEY_free(key);
}

static TbCertificate *
read_certificate(const TtDesk *desk, const char *name)
{
    g_autofree char *path = in_folder(desk, name, ".pem");
    BIO *file = BIO_new_file(path, "r");
    X509 *x509;
    TbCertificate *certificate;

    g_assert_nonnull(file);
    x509 = PEM_read_bio_X509(file, NULL, NULL, NULL);
    BIO_free(file);
    g_assert_nonnull(x509);
    certificate = tb_certificate_new(x509, NULL, NULL);
    X509_free(x509);
    return certificate;
}

void
tt_desk_write(const TtDesk *desk, const char *format, ...)
{
    g_autofree char *members = NULL;
    g_autofree char *text = NULL;
    g_autofree char *beside = g_strconcat(desk->script, ".new", NULL);
    g_autoptr(GError) error = NULL;
    va_list args;

    va_start(args, format);
    members = g_strdup_vprintf(format, args);
    va_end(args);
    text = g_strdelimit(g_strdup_printf("{'log': 'calls', %s}", members), "'", '"');
    g_file_set_contents(beside, text, -1, &error);
    g_assert_no_error(error);
    g_assert_no_errno(g_rename(beside, desk->script));
}

void
tt_desk_start(TtDesk *desk)
{
    g_autofree char *script = g_strconcat(TT_SCRIPT_VARIABLE "=", desk->script, NULL);

    tt_desk_stop(desk);
    desk->worker =
        tb_test_worker_start(g_getenv("TB_TEST_TOKEN_MODULE"), (const char *const[]){script, NULL});
}

TtDesk *
tt_desk_with_ann(const char *token_members, const char *faults)
{
    TtDesk *desk = tt_desk_new();

    tt_desk_person(desk, "ann", "P-256", "digitalSignature");
    tt_desk_write(desk, TT_ANN_SCRIPT, token_members, faults);
    tt_desk_start(desk);
    return desk;
}

static void
check_pin(json_t *pin)
{
    static const char *const states[] = {
        "ok", "low", "final_try", "locked", "to_be_changed", "not_initialised", NULL};
    json_int_t min = json_integer_value(json_object_get(pin, "min"));
    json_int_t max = json_integer_value(json_object_get(pin, "max"));

    g_assert_true(g_strv_contains(states, json_string_value(json_object_get(pin, "state"))));
    g_assert_true(json_is_boolean(json_object_get(pin, "pad")));
    g_assert_cmpint(min, >=, 1);
    g_assert_cmpint(max, >=, min);
    g_assert_cmpint(max, <=, 255);
}

static void
check_error(json_t *error)
{
    const char *word = json_string_value(json_object_get(error, "reason"));
    const char *message = json_string_value(json_object_get(error, "message"));
    TbReason reason;

    g_assert_nonnull(word);
    g_assert_true(tb_reason_from_word(word, &reason));
    g_assert_nonnull(message);
    g_assert_true(g_str_has_suffix(message, "."));
    if (json_object_get(error, "pin"))
        check_pin(json_object_get(error, "pin"));
    if (json_object_get(error, "puk"))
        check_pin(json_object_get(error, "puk"));
}

static void
check_token(json_t *token)
{
    static const char *const texts[] = {"label", "serial", "manufacturer", "model", "reader"};
    json_t *error = json_object_get(token, "error");

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        g_assert_true(json_is_string(json_object_get(token, texts[i])));
    g_assert_true(json_is_integer(json_object_get(token, "slot")));
    check_pin(json_object_get(token, "pin"));
    check_pin(json_object_get(token, "puk"));
    g_assert_true(json_is_boolean(json_object_get(token, "hidden")));
    g_assert_true(json_is_array(json_object_get(token, "certificates")));
    if (error)
        check_error(error);
}

void
tt_desk_check_form(json_t *answer)
{
    json_t *error = json_object_get(answer, "error");
    json_t *tokens = json_object_get(answer, "tokens");
    json_t *token;
    gsize index;

    if (error) {
        g_assert_cmpuint(json_object_size(answer), ==, 1);
        check_error(error);
    } else if (tokens) {
        g_assert_true(json_is_object(json_object_get(answer, "module")));
        json_array_foreach (tokens, index, token) {
            check_token(token);
        }
    } else if (json_object_get(answer, "puk")) {
        g_assert_cmpuint(json_object_size(answer), ==, 2);
        check_pin(json_object_get(answer, "pin"));
        check_pin(json_object_get(answer, "puk"));
    } else if (json_object_get(answer, "token")) {
        g_assert_cmpuint(json_object_size(answer), ==, 1);
        check_token(json_object_get(answer, "token"));
    } else {
        g_assert_cmpuint(json_object_size(answer), ==, 1);
        g_assert_true(json_is_string(json_object_get(answer, "signature")));
    }
}

json_t *
tt_desk_list(TtDesk *desk)
{
    json_decref(desk->listing);
    desk->listing = tb_test_worker_ask(desk->worker, json_pack("{s:s}", "op", "list"), -1);
    tt_desk_check_form(desk->listing);
    return desk->listing;
}

guint
tt_desk_tokens(const TtDesk *desk)
{
    json_t *tokens = json_object_get(desk->listing, "tokens");

    g_assert_nonnull(tokens);
    return (guint)json_array_size(tokens);
}

json_t *
tt_desk_token(const TtDesk *desk, const char *label)
{
    json_t *token;
    gsize index;

    json_array_foreach (json_object_get(desk->listing, "tokens"), index, token) {
        if (g_strcmp0(json_string_value(json_object_get(token, "label")), label) == 0)
            return token;
    }
    return NULL;
}

json_t *
tt_desk_certificate(const TtDesk *desk, json_t *token, const char *name)
{
    g_autoptr(TbCertificate) wanted = read_certificate(desk, name);
    json_t *certificate;
    gsize index;

    json_array_foreach (json_object_get(token, "certificates"), index, certificate) {
        if (g_strcmp0(json_string_value(json_object_get(certificate, "id")), wanted->id) == 0)
            return certificate;
    }
    return NULL;
}

json_t *
tt_desk_request(const TtDesk *desk, guint slot, const char *serial, const char *name,
                const char *algorithm)
{
    g_autofree char *input = tb_base64_encode(TT_INPUT, strlen(TT_INPUT));
    g_autoptr(TbCertificate) certificate = read_certificate(desk, name);

    return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:b}", "op", "sign", "slot", (int)slot,
                     "token", serial, "certificate", certificate->id, "algorithm", algorithm,
                     "input", input, "prehashed", 0);
}

json_t *
tt_desk_sign(TtDesk *desk, const char *name, const char *pin)
{
    json_t *answer = tb_test_worker_ask_with_pin(
        desk->worker, tt_desk_request(desk, 1, "0001", name, "ES256"), pin);

    tt_desk_check_form(answer);
    return answer;
}

json_t *
tt_desk_pin_request(TtDesk *desk, const char *op, const char *pins)
{
    json_t *request = json_pack("{s:s, s:i, s:s}", "op", op, "slot", 1, "token", "0001");
    json_t *answer = tb_test_worker_ask_with_pin(desk->worker, request, pins);

    tt_desk_check_form(answer);
    return answer;
}

void
tt_desk_assert_signed(const TtDesk *desk, json_t *answer, const char *name, const char *algorithm)
{
    g_autoptr(TbCertificate) certificate = read_certificate(desk, name);
    g_autoptr(GBytes) input = g_bytes_new(TT_INPUT, strlen(TT_INPUT));
    const char *text = json_string_value(json_object_get(answer, "signature"));
    json_t *error = json_object_get(answer, "error");
    guchar *signature;
    size_t length = 0;

    if (!text)
        g_error("%s (%s) in place of a signature",
                json_string_value(json_object_get(error, "reason")),
                json_string_value(json_object_get(error, "message")));
    signature = tb_base64_decode(text, strlen(text), &length);
    g_assert_nonnull(signature);
    g_assert_true(tb_signature_verify(
        tb_certificate_public_key(certificate), tb_algorithm_by_jwa(algorithm),
        tb_signature_component_size(certificate->curve), input, FALSE, signature, length));
    free(signature);
    json_decref(answer);
}

void
tt_desk_assert_refused(json_t *answer, const char *reason, const char *state)
{
    json_t *error = json_object_get(answer, "error");
    const char *word = json_string_value(json_object_get(error, "reason"));

    if (g_strcmp0(word, reason) != 0)
        g_error("%s (%s) in place of %s", word ? word : "a signature",
                word ? json_string_value(json_object_get(error, "message")) : "", reason);
    g_assert_cmpstr(json_string_value(json_object_get(json_object_get(error, "pin"), "state")), ==,
                    state);
    json_decref(answer);
}

static gboolean
has_members(json_t *line, json_t *members)
{
    const char *key;
    json_t *value;

    json_object_foreach (members, key, value) {
        if (!json_equal(json_object_get(line, key), value))
            return FALSE;
    }
    return TRUE;
}

guint
tt_desk_count(const TtDesk *desk, const char *call, const char *members)
{
    g_autofree char *path = in_folder(desk, "calls", "");
    g_autofree char *wanted_text = g_strdelimit(g_strdup(members ? members : "{}"), "'", '"');
    json_t *wanted = json_loads(wanted_text, 0, NULL);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    guint count = 0;

    g_assert_nonnull(wanted);
    if (!g_file_get_contents(path, &text, NULL, NULL))
        text = g_strdup("");
    lines = g_strsplit(text, "\n", -1);
    for (gsize i = 0; lines[i]; i++) {
        json_t *line = json_loads(lines[i], 0, NULL);

        g_assert_true(line || lines[i][0] == '\0');
        if (g_strcmp0(json_string_value(json_object_get(line, "call")), call) == 0 &&
            has_members(line, wanted))
            count++;
        json_decref(line);
    }
    json_decref(wanted);
    return count;
}

void
tt_desk_assert_nothing_left(const TtDesk *desk)
{
    g_assert_cmpuint(tt_desk_count(desk, "C_OpenSession", "{'rv': 'CKR_OK'}"), ==,
                     tt_desk_count(desk, "C_CloseSession", "{'rv': 'CKR_OK'}"));
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", "{'rv': 'CKR_OK'}"), ==,
                     tt_desk_count(desk, "C_Logout", "{'rv': 'CKR_OK'}"));
}

void
tt_desk_forget(const TtDesk *desk)
{
    g_autofree char *path = in_folder(desk, "calls", "");

    (void)g_unlink(path);
}
