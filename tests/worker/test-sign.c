/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker over its real channel, on SoftHSM tokens of the lab: listings, and every kind of
 * signature.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base64.h"
#include "tests/worker/lab.h"
#include "tests/worker/stage.h"

#define TOKENS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_TOKENS ((const char *const[]){NULL})

static const struct {
    const char *user;
    const char *algorithms;
} people[] = {
    {"p256", "ES256"},    {"p256-sign", "ES256"},
    {"p384", "ES384"},    {"p521", "ES512"},
    {"ed25519", "EdDSA"}, {"rsa", "RS256 RS384 RS512 PS256 PS384 PS512"},
    {"persian", "ES256"}, {"expired", "ES256"},
    {"future", "ES256"},  {"signing", "RS256 RS384 RS512 PS256 PS384 PS512"},
    {"email", "ES256"},
};

static const char *
text(json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

static char *
joined(json_t *list)
{
    g_autoptr(GString) words = g_string_new(NULL);

    for (size_t i = 0; i < json_array_size(list); i++)
        g_string_append_printf(words, "%s%s", i ? " " : "",
                               json_string_value(json_array_get(list, i)));
    return g_string_free(g_steal_pointer(&words), FALSE);
}

static char *
base64_of_file(const char *path)
{
    g_autofree char *bytes = NULL;
    gsize length = 0;

    g_assert_true(g_file_get_contents(path, &bytes, &length, NULL));
    return tb_base64_encode(bytes, length);
}

static void
check_person(const TbTestStage *stage, const char *user, const char *algorithms)
{
    const json_t *entry = tb_test_lab_user(user);
    json_t *certificate = tb_test_stage_certificate(stage, user, NULL);
    g_autofree char *der = base64_of_file(json_string_value(json_object_get(entry, "der")));
    g_autofree char *issuer = g_strconcat(tb_test_lab_string("dir"), "/ca/intermediate.der", NULL);
    g_autofree char *issuer_der = base64_of_file(issuer);
    g_autofree char *shown = NULL;
    json_t *chain;

    g_assert_nonnull(certificate);
    chain = json_object_get(certificate, "chain");
    shown = joined(json_object_get(certificate, "algorithms"));
    g_assert_cmpstr(shown, ==, algorithms);
    g_assert_cmpstr(text(certificate, "der"), ==, der);
    g_assert_cmpstr(text(certificate, "label"), ==, user);
    g_assert_cmpstr(text(certificate, "name"), ==,
                    json_string_value(json_object_get(entry, "name")));
    g_assert_cmpstr(text(certificate, "subject"), ==,
                    json_string_value(json_object_get(entry, "subject")));
    g_assert_cmpint(g_ascii_strcasecmp(text(certificate, "serial"),
                                       json_string_value(json_object_get(entry, "serial"))),
                    ==, 0);
    g_assert_cmpstr(text(certificate, "has_key"), ==, "unknown");
    g_assert_true(json_is_false(json_object_get(certificate, "ca")));
    g_assert_cmpuint(json_array_size(chain), ==, 1); /* the intermediate, not the root */
    g_assert_cmpstr(json_string_value(json_array_get(chain, 0)), ==, issuer_der);
    g_assert_cmpuint(json_array_size(json_object_get(certificate, "issuers")), ==, 2);
}

static void
test_list(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new(TOKENS("many"));
    json_t *tokens = json_object_get(tb_test_stage_list(stage), "tokens");
    json_t *token = json_array_get(tokens, 0);
    json_t *pin = json_object_get(token, "pin");
    json_t *certificates = json_object_get(token, "certificates");
    guint authorities = 0;

    /* SoftHSM's slot without a token, which is always there, is not shown. */
    g_assert_cmpuint(json_array_size(tokens), ==, 1);
    g_assert_cmpstr(text(token, "label"), ==, "Test card");
    g_assert_cmpstr(text(token, "manufacturer"), ==, "SoftHSM project");
    g_assert_cmpstr(text(token, "model"), ==, "SoftHSM v2");
    g_assert_cmpuint(strlen(text(token, "serial")), ==, 16);
    g_assert_cmpstr(text(pin, "state"), ==, "ok");
    g_assert_true(json_is_false(json_object_get(pin, "pad")));
    g_assert_cmpint(json_integer_value(json_object_get(pin, "min")), ==, 4);
    g_assert_cmpint(json_integer_value(json_object_get(pin, "max")), ==, 255);
    g_assert_null(json_object_get(token, "error"));
    g_assert_cmpstr(text(json_object_get(stage->listing, "module"), "manufacturer"), ==, "SoftHSM");
    g_assert_cmpstr(text(json_object_get(stage->listing, "module"), "cryptoki"), ==, "2.40");
    for (gsize i = 0; i < G_N_ELEMENTS(people); i++)
        check_person(stage, people[i].user, people[i].algorithms);
    for (size_t i = 0; i < json_array_size(certificates); i++) {
        json_t *certificate = json_array_get(certificates, i);

        if (!json_is_true(json_object_get(certificate, "ca")))
            continue;
        g_assert_cmpuint(json_array_size(json_object_get(certificate, "chain")), ==, 0);
        authorities++;
    }
    g_assert_cmpuint(authorities, ==, 2);
}

static void
test_sign_everything(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new(TOKENS("many"));

    for (gsize i = 0; i < G_N_ELEMENTS(people); i++) {
        g_auto(GStrv) algorithms = g_strsplit(people[i].algorithms, " ", -1);

        for (gsize j = 0; algorithms[j]; j++)
            tb_test_assert_signature(
                tb_test_stage_sign(stage, people[i].user, algorithms[j], tb_test_lab_string("pin")),
                people[i].user, algorithms[j], 0);
    }
}

static void
test_sign_with_combined_mechanisms(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new_wrapped(TOKENS("many"), "mechanisms=combined");

    for (gsize i = 0; i < G_N_ELEMENTS(people); i++) {
        g_auto(GStrv) algorithms = g_strsplit(people[i].algorithms, " ", -1);
        g_autofree char *shown = NULL;

        (void)tb_test_stage_list(stage);
        shown = joined(
            json_object_get(tb_test_stage_certificate(stage, people[i].user, NULL), "algorithms"));
        if (strcmp(algorithms[0], "EdDSA") == 0) {
            g_assert_cmpstr(shown, ==, ""); /* there is no combined mechanism for it */
            continue;
        }
        g_assert_cmpstr(shown, ==, people[i].algorithms);
        for (gsize j = 0; algorithms[j]; j++)
            tb_test_assert_signature(
                tb_test_stage_sign(stage, people[i].user, algorithms[j], tb_test_lab_string("pin")),
                people[i].user, algorithms[j], 0);
    }
    g_assert_cmpuint(tb_test_stage_count(stage, "mechanism 0x1041"), ==, 0);
    g_assert_cmpuint(tb_test_stage_count(stage, "mechanism 0x1044"), >, 0);
}

static json_t *
sign_prehashed(TbTestStage *stage, const char *user, const char *algorithm, gsize size)
{
    json_t *request = tb_test_stage_request(stage, user, algorithm);
    g_autofree char *input = tb_base64_encode(TB_TEST_INPUT, size);

    json_object_set_new(request, "input", json_string(input));
    json_object_set_new(request, "prehashed", json_true());
    return tb_test_worker_ask_with_pin(stage->worker, request, tb_test_lab_string("pin"));
}

static void
test_sign_prehashed(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new(TOKENS("many"));
    static const struct {
        const char *user, *algorithm;
        gsize size;
    } rows[] = {
        {"p256-sign", "ES256", 32}, {"p256-sign", "ES384", 48}, {"p256-sign", "ES512", 64},
        {"p384", "ES512", 64},      {"p521", "ES256", 32},      {"signing", "RS256", 32},
        {"signing", "RS384", 48},   {"signing", "RS512", 64},   {"signing", "PS256", 32},
        {"signing", "PS512", 64},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        tb_test_assert_signature(
            sign_prehashed(stage, rows[i].user, rows[i].algorithm, rows[i].size), rows[i].user,
            rows[i].algorithm, rows[i].size);
    tb_test_assert_reason(sign_prehashed(stage, "p256", "ES256", 31), "invalid_request");
    tb_test_assert_reason(sign_prehashed(stage, "ed25519", "EdDSA", 64), "unsupported");
    tb_test_assert_reason(sign_prehashed(stage, "p256", "RS256", 32), "unsupported");
}

/* The algorithm must be the key's; nothing reaches the token. */
static void
test_sign_with_a_wrong_algorithm(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new_wrapped(TOKENS("default"), NULL);
    const char *pin = tb_test_lab_string("pin");

    tb_test_stage_assert_refused(stage, "p256", "ES384", pin, "unsupported", NULL);
    tb_test_stage_assert_refused(stage, "p256", "RS256", pin, "unsupported", NULL);
    tb_test_stage_assert_refused(stage, "p256", "EdDSA", pin, "unsupported", NULL);
    tb_test_stage_assert_refused(stage, "p256", "ES257", pin, "unsupported", NULL);
    g_assert_cmpuint(tb_test_stage_count(stage, "login"), ==, 0);
}

/* A worker that has listed nothing finds certificate, mechanisms and key by itself. */
static void
test_sign_without_listing(void)
{
    g_autoptr(TbTestStage) lister = tb_test_stage_new(TOKENS("many"));

    for (gsize i = 0; i < 3; i++) {
        static const char *const users[] = {"p384", "rsa", "ed25519"};
        static const char *const algorithms[] = {"ES384", "PS256", "EdDSA"};
        g_autoptr(TbTestStage) signer = tb_test_stage_new(TOKENS("many"));
        json_t *request = tb_test_stage_request(lister, users[i], algorithms[i]);

        tb_test_assert_signature(
            tb_test_worker_ask_with_pin(signer->worker, request, tb_test_lab_string("pin")),
            users[i], algorithms[i], 0);
    }
}

static void
test_several_tokens(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new(TOKENS("default", "rsa", "empty"));
    json_t *tokens = json_object_get(tb_test_stage_list(stage), "tokens");
    json_t *person = NULL;
    json_t *stone = NULL;
    json_t *request;

    g_assert_cmpuint(json_array_size(tokens), ==, 3);
    g_assert_nonnull(tb_test_stage_certificate(stage, "p256", &person));
    g_assert_nonnull(tb_test_stage_certificate(stage, "rsa", &stone));
    g_assert_true(person != stone);
    tb_test_assert_signature(tb_test_stage_sign(stage, "p256", "ES256", tb_test_lab_string("pin")),
                             "p256", "ES256", 0);
    tb_test_assert_signature(tb_test_stage_sign(stage, "rsa", "PS256", tb_test_lab_string("pin")),
                             "rsa", "PS256", 0);
    /* One token's slot with the other's serial, and with the other's certificate. */
    request = tb_test_stage_request(stage, "p256", "ES256");
    json_object_set(request, "slot", json_object_get(stone, "slot"));
    tb_test_assert_reason(
        tb_test_worker_ask_with_pin(stage->worker, request, tb_test_lab_string("pin")),
        "token_missing");
    request = tb_test_stage_request(stage, "p256", "ES256");
    json_object_set(request, "slot", json_object_get(stone, "slot"));
    json_object_set(request, "token", json_object_get(stone, "serial"));
    tb_test_assert_reason(
        tb_test_worker_ask_with_pin(stage->worker, request, tb_test_lab_string("pin")),
        "no_certificate");
    request = tb_test_stage_request(stage, "p256", "ES256");
    json_object_set_new(request, "slot", json_integer(4711));
    tb_test_assert_reason(
        tb_test_worker_ask_with_pin(stage->worker, request, tb_test_lab_string("pin")),
        "token_missing");
}

/* The root's certificate is on the token, its key is not. */
static void
test_certificate_without_key(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new(TOKENS("default"));
    json_t *request = tb_test_stage_request(stage, "p256", "ES256");
    json_t *token = json_array_get(json_object_get(stage->listing, "tokens"), 0);
    json_t *certificates = json_object_get(token, "certificates");

    for (size_t i = 0; i < json_array_size(certificates); i++) {
        json_t *certificate = json_array_get(certificates, i);

        if (strcmp(text(certificate, "name"), "Tokenbridge Lab Issuing CA") == 0)
            json_object_set(request, "certificate", json_object_get(certificate, "id"));
    }
    tb_test_assert_reason(
        tb_test_worker_ask_with_pin(stage->worker, request, tb_test_lab_string("pin")),
        "no_certificate");
}

/* Adds a user's key and certificate to the stage's only token. */
static void
put(const TbTestStage *stage, const char *label, const char *user, const char *key_id,
    const char *certificate_id, const char *extra)
{
    const char *module = tb_test_lab_string("module");
    const char *key = json_string_value(json_object_get(tb_test_lab_user(user), "private_key"));
    const char *der = json_string_value(json_object_get(tb_test_lab_user(user), "der"));
    g_autofree char *key_der = g_strconcat(stage->log, ".der", NULL);

    tb_test_lab_run(NULL, "openssl", "pkey", "-in", key, "-outform", "DER", "-out", key_der,
                    (char *)NULL);
    tb_test_lab_run(stage->conf, "pkcs11-tool", "--module", module, "--token-label", label,
                    "--login", "--pin", tb_test_lab_string("pin"), "--write-object", key_der,
                    "--type", "privkey", "--usage-sign", "--id", key_id, extra, (char *)NULL);
    tb_test_lab_run(stage->conf, "pkcs11-tool", "--module", module, "--token-label", label,
                    "--login", "--pin", tb_test_lab_string("pin"), "--write-object", der, "--type",
                    "cert", "--id", certificate_id, (char *)NULL);
}

static void
test_always_authenticate(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new_wrapped(TOKENS("empty"), NULL);

    put(stage, "New card", "p256", "01", "01", "--always-auth");
    put(stage, "New card", "rsa", "02", "02", "--always-auth");
    tb_test_assert_signature(tb_test_stage_sign(stage, "p256", "ES256", tb_test_lab_string("pin")),
                             "p256", "ES256", 0);
    g_assert_cmpuint(tb_test_stage_count(stage, "login user=1"), ==, 1);
    g_assert_cmpuint(tb_test_stage_count(stage, "login user=2"), ==, 1);
    tb_test_assert_signature(tb_test_stage_sign(stage, "rsa", "PS256", tb_test_lab_string("pin")),
                             "rsa", "PS256", 0);
    tb_test_assert_signature(tb_test_stage_sign(stage, "p256", "ES256", tb_test_lab_string("pin")),
                             "p256", "ES256", 0);
    g_assert_cmpuint(tb_test_stage_count(stage, "login user=2"), ==, 3);
    tb_test_stage_assert_refused(stage, "p256", "ES256", "99999", "pin_incorrect", "low");
    tb_test_assert_signature(tb_test_stage_sign(stage, "p256", "ES256", tb_test_lab_string("pin")),
                             "p256", "ES256", 0);
}

/* CKA_IDs that do not lead to the key: shared by two keys, or another one's. */
static void
test_misleading_ids(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new(TOKENS("empty"));
    const char *pin = tb_test_lab_string("pin");

    put(stage, "New card", "p256", "01", "01", NULL);
    put(stage, "New card", "persian", "01", "01", NULL);
    put(stage, "New card", "rsa", "05", "06", NULL);
    put(stage, "New card", "signing", "06", "05", NULL);
    for (int i = 0; i < 2; i++) {
        tb_test_assert_signature(tb_test_stage_sign(stage, "p256", "ES256", pin), "p256", "ES256",
                                 0);
        tb_test_assert_signature(tb_test_stage_sign(stage, "persian", "ES256", pin), "persian",
                                 "ES256", 0);
        tb_test_assert_signature(tb_test_stage_sign(stage, "rsa", "RS256", pin), "rsa", "RS256", 0);
        tb_test_assert_signature(tb_test_stage_sign(stage, "signing", "RS256", pin), "signing",
                                 "RS256", 0);
    }
}

static guint
open_descriptors(const TbTestStage *stage)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/fd", (int)tb_test_worker_pid(stage->worker));
    DIR *folder = opendir(path);
    guint count = 0;

    g_assert_nonnull(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void
test_hundred_cycles(void)
{
    g_autoptr(TbTestStage) stage = tb_test_stage_new_wrapped(TOKENS("card"), NULL);
    guint before = 0;

    for (int i = 0; i < 100; i++) {
        (void)tb_test_stage_list(stage);
        tb_test_assert_signature(
            tb_test_stage_sign(stage, "p256", "ES256", tb_test_lab_string("pin")), "p256", "ES256",
            0);
        if (i == 2)
            before = open_descriptors(stage);
    }
    g_assert_cmpuint(open_descriptors(stage), ==, before);
    g_assert_cmpuint(tb_test_stage_count(stage, "C_Logout"), ==, 100);
    g_assert_cmpuint(tb_test_stage_count(stage, "C_OpenSession"), ==,
                     tb_test_stage_count(stage, "C_CloseSession") + 1); /* libp11's, by slot */
    /* One for the first listing's own start, and one for each context of libp11. */
    g_assert_cmpuint(tb_test_stage_count(stage, "C_Initialize"), ==, 1);
    g_assert_cmpuint(tb_test_stage_count(stage, "C_Finalize"), ==, 0);
}

int
main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/list", test_list);
    g_test_add_func("/worker/sign/everything", test_sign_everything);
    g_test_add_func("/worker/sign/combined-mechanisms", test_sign_with_combined_mechanisms);
    g_test_add_func("/worker/sign/prehashed", test_sign_prehashed);
    g_test_add_func("/worker/sign/wrong-algorithm", test_sign_with_a_wrong_algorithm);
    g_test_add_func("/worker/sign/without-listing", test_sign_without_listing);
    g_test_add_func("/worker/sign/several-tokens", test_several_tokens);
    g_test_add_func("/worker/sign/certificate-without-key", test_certificate_without_key);
    g_test_add_func("/worker/sign/always-authenticate", test_always_authenticate);
    g_test_add_func("/worker/sign/misleading-ids", test_misleading_ids);
    g_test_add_func("/worker/sign/hundred-cycles", test_hundred_cycles);
    status = g_test_run();
    tb_test_lab_remove();
    return status;
}
