/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: a worker on lab tokens. See stage.h. Signatures are verified here by other means than
 * in host/worker/: OpenSSL's one-shot verification with the lab's own certificate files.
 */
#include "tests/worker/stage.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "tests/worker/lab.h"
#include "tokenbridge/algorithm.h"

static TbTestStage *
start(const char *const *tokens, gboolean wrapped, const char *script)
{
    static guint number;
    TbTestStage *stage = g_new0(TbTestStage, 1);
    g_autofree char *name = g_strdup_printf("stage-%u", number++);
    g_autofree char *folder = tb_test_lab_folder(name);
    g_autofree char *conf = NULL;
    g_autofree char *log = NULL;
    g_autofree char *told = NULL;
    g_autofree char *real = g_strconcat("TB_WRAPPER_REAL=", tb_test_lab_string("module"), NULL);

    stage->conf = tb_test_lab_store(name, tokens);
    stage->log = g_build_filename(folder, "log", NULL);
    stage->script = g_build_filename(folder, "script", NULL);
    tb_test_stage_tell(stage, script ? script : "");
    conf = g_strconcat("SOFTHSM2_CONF=", stage->conf, NULL);
    log = g_strconcat("TB_WRAPPER_LOG=", stage->log, NULL);
    told = g_strconcat("TB_WRAPPER_SCRIPT=", stage->script, NULL);
    stage->worker =
        tb_test_worker_start(wrapped ? g_getenv("TB_TEST_WRAPPER") : tb_test_lab_string("module"),
                             (const char *const[]){conf, log, told, real, NULL});
    return stage;
}

TbTestStage *
tb_test_stage_new(const char *const *tokens)
{
    return start(tokens, FALSE, NULL);
}

TbTestStage *
tb_test_stage_new_wrapped(const char *const *tokens, const char *script)
{
    return start(tokens, TRUE, script);
}

void
tb_test_stage_free(TbTestStage *stage)
{
    tb_test_worker_free(stage->worker);
    json_decref(stage->listing);
    g_free(stage->conf);
    g_free(stage->log);
    g_free(stage->script);
    g_free(stage);
}

void
tb_test_stage_tell(TbTestStage *stage, const char *script)
{
    g_autofree char *text = g_strconcat("[do]\n", script, "\n", NULL);
    g_autoptr(GError) error = NULL;

    g_file_set_contents(stage->script, text, -1, &error);
    g_assert_no_error(error);
}

guint
tb_test_stage_count(const TbTestStage *stage, const char *prefix)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    guint count = 0;

    g_assert_true(g_file_get_contents(stage->log, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (gsize i = 0; lines[i]; i++) {
        if (g_str_has_prefix(lines[i], prefix))
            count++;
    }
    return count;
}

json_t *
tb_test_stage_list(TbTestStage *stage)
{
    json_decref(stage->listing);
    stage->listing = tb_test_worker_ask(stage->worker, json_pack("{s:s}", "op", "list"), -1);
    return stage->listing;
}

json_t *
tb_test_stage_certificate(const TbTestStage *stage, const char *user, json_t **out_token)
{
    const char *id = json_string_value(json_object_get(tb_test_lab_user(user), "sha256"));
    json_t *tokens = json_object_get(stage->listing, "tokens");

    for (size_t i = 0; i < json_array_size(tokens); i++) {
        json_t *token = json_array_get(tokens, i);
        json_t *certificates = json_object_get(token, "certificates");

        for (size_t j = 0; j < json_array_size(certificates); j++) {
            json_t *certificate = json_array_get(certificates, j);

            if (strcmp(json_string_value(json_object_get(certificate, "id")), id) != 0)
                continue;
            if (out_token)
                *out_token = token;
            return certificate;
        }
    }
    return NULL;
}

json_t *
tb_test_stage_request(TbTestStage *stage, const char *user, const char *algorithm)
{
    g_autofree char *input = tb_base64_encode(TB_TEST_INPUT, strlen(TB_TEST_INPUT));
    json_t *token = NULL;
    json_t *certificate;

    if (!stage->listing)
        tb_test_stage_list(stage);
    certificate = tb_test_stage_certificate(stage, user, &token);
    g_assert_nonnull(certificate);
    return json_pack("{s:s, s:O, s:O, s:O, s:s, s:s, s:b}", "op", "sign", "slot",
                     json_object_get(token, "slot"), "token", json_object_get(token, "serial"),
                     "certificate", json_object_get(certificate, "id"), "algorithm", algorithm,
                     "input", input, "prehashed", 0);
}

json_t *
tb_test_stage_sign(TbTestStage *stage, const char *user, const char *algorithm, const char *pin)
{
    return tb_test_worker_ask_with_pin(stage->worker, tb_test_stage_request(stage, user, algorithm),
                                       pin);
}

json_t *
tb_test_stage_pin(TbTestStage *stage, const char *op, const char *pins)
{
    json_t *token;

    if (!stage->listing)
        tb_test_stage_list(stage);
    token = json_array_get(json_object_get(stage->listing, "tokens"), 0);
    g_assert_nonnull(token);
    return tb_test_worker_ask_with_pin(stage->worker,
                                       json_pack("{s:s, s:O, s:O}", "op", op, "slot",
                                                 json_object_get(token, "slot"), "token",
                                                 json_object_get(token, "serial")),
                                       pins);
}

void
tb_test_stage_assert_refused(TbTestStage *stage, const char *user, const char *algorithm,
                             const char *pin, const char *reason, const char *pin_state)
{
    json_t *answer = tb_test_stage_sign(stage, user, algorithm, pin);
    json_t *state =
        json_object_get(json_object_get(json_object_get(answer, "error"), "pin"), "state");

    g_assert_cmpstr(json_string_value(state), ==, pin_state);
    tb_test_assert_reason(answer, reason);
}

void
tb_test_assert_reason(json_t *answer, const char *reason)
{
    json_t *error = json_object_get(answer, "error");
    const char *message = json_string_value(json_object_get(error, "message"));
    const char *word = json_string_value(json_object_get(error, "reason"));

    if (g_strcmp0(word, reason) != 0)
        g_error("%s (%s) in place of %s", word ? word : "success", message ? message : "",
                reason ? reason : "success");
    if (word) {
        g_assert_true(g_str_has_suffix(message, "."));
        g_assert_cmpuint(json_object_size(answer), ==, 1);
        g_assert_null(json_object_get(answer, "signature"));
    }
    json_decref(answer);
}

static EVP_PKEY *
user_key(const char *user)
{
    const char *path = json_string_value(json_object_get(tb_test_lab_user(user), "certificate"));
    FILE *file = fopen(path, "re");
    X509 *x509;
    EVP_PKEY *key;

    g_assert_nonnull(file);
    x509 = PEM_read_X509(file, NULL, NULL, NULL);
    (void)fclose(file);
    g_assert_nonnull(x509);
    key = X509_get_pubkey(x509);
    X509_free(x509);
    return key;
}

/* r||s as DER; takes bytes. */
static guchar *
der_signature(guchar *bytes, size_t *inout_length)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    int half = (int)*inout_length / 2;
    guchar *der = NULL;
    int length;

    g_assert_cmpint(
        ECDSA_SIG_set0(pair, BN_bin2bn(bytes, half, NULL), BN_bin2bn(bytes + half, half, NULL)), ==,
        1);
    length = i2d_ECDSA_SIG(pair, &der);
    g_assert_cmpint(length, >, 0);
    ECDSA_SIG_free(pair);
    free(bytes);
    *inout_length = (size_t)length;
    return der;
}

static void
set_pss(EVP_PKEY_CTX *context)
{
    g_assert_cmpint(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING), ==, 1);
    g_assert_cmpint(EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST), ==, 1);
}

static gboolean
verify_message(EVP_PKEY *key, const TbAlgorithm *algorithm, const guchar *signature, size_t length)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *details = NULL;
    const EVP_MD *digest =
        algorithm->key_type == TB_KEY_ED25519 ? NULL : EVP_get_digestbyname(algorithm->digest);
    gboolean good;

    g_assert_cmpint(EVP_DigestVerifyInit(context, &details, digest, NULL, key), ==, 1);
    if (algorithm->padding == TB_PADDING_PSS)
        set_pss(details);
    good = EVP_DigestVerify(context, signature, length, (const guchar *)TB_TEST_INPUT,
                            strlen(TB_TEST_INPUT)) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

static gboolean
verify_digest(EVP_PKEY *key, const TbAlgorithm *algorithm, gsize size, const guchar *signature,
              size_t length)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    gboolean good;

    g_assert_cmpint(EVP_PKEY_verify_init(context), ==, 1);
    g_assert_cmpint(EVP_PKEY_CTX_set_signature_md(context, EVP_get_digestbyname(algorithm->digest)),
                    ==, 1);
    if (algorithm->padding == TB_PADDING_PSS)
        set_pss(context);
    good = EVP_PKEY_verify(context, signature, length, (const guchar *)TB_TEST_INPUT, size) == 1;
    EVP_PKEY_CTX_free(context);
    return good;
}

void
tb_test_assert_signature(json_t *answer, const char *user, const char *algorithm_name,
                         gsize prehashed_size)
{
    const TbAlgorithm *algorithm = tb_algorithm_by_jwa(algorithm_name);
    const char *text = json_string_value(json_object_get(answer, "signature"));
    EVP_PKEY *key = user_key(user);
    size_t length = 0;
    guchar *signature;

    tb_test_assert_reason(json_incref(answer), NULL);
    g_assert_nonnull(text);
    g_assert_cmpuint(json_object_size(answer), ==, 1);
    signature = tb_base64_decode(text, strlen(text), &length);
    g_assert_nonnull(signature);
    if (algorithm->key_type == TB_KEY_EC)
        signature = der_signature(signature, &length);
    g_assert_true(prehashed_size > 0
                      ? verify_digest(key, algorithm, prehashed_size, signature, length)
                      : verify_message(key, algorithm, signature, length));
    if (algorithm->key_type == TB_KEY_EC)
        OPENSSL_free(signature);
    else
        free(signature);
    EVP_PKEY_free(key);
    json_decref(answer);
}
