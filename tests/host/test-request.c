/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/request.c: each parameter of a request with good and bad values.
 */
#include "host/request.h"

#include <string.h>

#include "host/common/fault.h"
#include "tests/host/harness.h"
#include "tests/support/assert.h"

#define NONCE "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define SHA256 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define DEFAULT_TIMEOUT 4321

/* The base of a good request; a row's members come over it, null removes one. */
static const char *const bases[] = {
    [TB_PURPOSE_AUTHENTICATE] = "{'origin': 'https://example.org', 'nonce': '" NONCE "'}",
    [TB_PURPOSE_CHOOSE] = "{'origin': 'https://example.org'}",
    [TB_PURPOSE_SIGN] = "{'origin': 'https://example.org', 'certificate': 'QUJD', 'hash': '" SHA256
                        "', 'hashFunction': 'SHA-256'}",
};

static TbRequest *
read_request(TbPurpose purpose, json_t *changes, GError **error)
{
    json_t *params = tb_test_json(bases[purpose]);
    TbRequest *request;
    const char *name;
    json_t *value;

    json_object_foreach (changes, name, value) {
        if (json_is_null(value))
            json_object_del(params, name);
        else
            json_object_set(params, name, value);
    }
    request = tb_request_read(purpose, params, DEFAULT_TIMEOUT, error);
    json_decref(params);
    json_decref(changes);
    return request;
}

/* reason 0: good. Checks that the error names the parameter, if one is given. */
static void
check_row(TbPurpose purpose, const char *text, json_t *changes, TbReason reason, const char *names)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TbRequest) request = read_request(purpose, changes, &error);

    if (!reason && !request)
        tb_test_row_failed("%s: %s", text, error->message);
    if (!reason)
        return;
    if (request) {
        tb_test_row_failed("%s: accepted", text);
        return;
    }
    if (error->domain != TB_FAULT || error->code != (int)reason)
        tb_test_row_failed("%s: %s", text, tb_reason_word(tb_fault_reason(error)));
    if (names && !strstr(error->message, names))
        tb_test_row_failed("%s: the message does not name %s: %s", text, names, error->message);
    if (!g_str_has_suffix(error->message, ".") || g_ascii_islower(error->message[0]))
        tb_test_row_failed("%s: is no sentence: %s", text, error->message);
}

typedef struct Row {
    TbPurpose purpose;
    const char *changes;
    TbReason reason;
    const char *names;
} Row;

static void
check_rows(const Row *rows, gsize count)
{
    for (gsize i = 0; i < count; i++)
        check_row(rows[i].purpose, rows[i].changes, tb_test_json(rows[i].changes), rows[i].reason,
                  rows[i].names);
}

#define AUTH TB_PURPOSE_AUTHENTICATE
#define CHOOSE TB_PURPOSE_CHOOSE
#define DOC TB_PURPOSE_SIGN
#define BAD TB_REASON_INVALID_REQUEST
#define REFUSED TB_REASON_ORIGIN_REFUSED

static void
test_defaults(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TbRequest) request = read_request(AUTH, json_object(), &error);

    g_assert_no_error(error);
    g_assert_cmpstr(request->origin, ==, "https://example.org");
    g_assert_cmpstr(request->nonce, ==, NONCE);
    g_assert_null(request->top_origin);
    g_assert_null(request->lang);
    g_assert_cmpuint(g_strv_length(request->issuers), ==, 0);
    g_assert_cmpuint(g_strv_length(request->policies), ==, 0);
    g_assert_cmpuint(request->timeout, ==, DEFAULT_TIMEOUT);
    g_assert_cmpint(request->chain, ==, TB_CHAIN_IF_IT_FITS);
    g_assert_null(request->certificate);
}

static void
test_all_members(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TbRequest) request = read_request(
        AUTH,
        tb_test_json("{'topOrigin': 'https://top.example', 'lang': 'fa-IR', 'issuers': ['QUJD', "
                     "'REVG'], 'policies': ['1.2.3'], 'timeout': 1000, 'chain': true}"),
        &error);

    g_assert_no_error(error);
    g_assert_cmpstr(request->top_origin, ==, "https://top.example");
    g_assert_cmpstr(request->lang, ==, "fa-IR");
    g_assert_cmpstr(request->issuers[0], ==, "QUJD");
    g_assert_cmpstr(request->issuers[1], ==, "REVG");
    g_assert_null(request->issuers[2]);
    g_assert_cmpstr(request->policies[0], ==, "1.2.3");
    g_assert_cmpuint(request->timeout, ==, 1000);
    g_assert_cmpint(request->chain, ==, TB_CHAIN_ALWAYS);
}

static void
test_sign_members(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TbRequest) request = read_request(
        DOC,
        tb_test_json("{'hash': '//8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',"
                     " 'hashFunction': 'SHA-384'}"),
        &error);

    g_assert_no_error(error);
    g_assert_cmpstr(request->certificate, ==, "QUJD");
    g_assert_cmpstr(request->hash_name, ==, "SHA-384");
    g_assert_cmpuint(strlen(request->hash_hex), ==, 96);
    g_assert_true(g_str_has_prefix(request->hash_hex, "ffff00"));
}

static void
test_chain(void)
{
    static const struct {
        const char *changes;
        TbChainMode mode;
    } rows[] = {{"{}", TB_CHAIN_IF_IT_FITS},
                {"{'chain': true}", TB_CHAIN_ALWAYS},
                {"{'chain': false}", TB_CHAIN_NEVER}};

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(TbRequest) request = read_request(AUTH, tb_test_json(rows[i].changes), NULL);

        g_assert_nonnull(request);
        g_assert_cmpint(request->chain, ==, rows[i].mode);
    }
}

static void
test_no_params(void)
{
    for (TbPurpose purpose = AUTH; purpose <= DOC; purpose++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(tb_request_read(purpose, NULL, DEFAULT_TIMEOUT, &error));
        g_assert_error(error, TB_FAULT, BAD);
    }
}

/* The list; tests/core/test-origin.c has the rest. Both origins go the same way. */
static void
test_origins(void)
{
    static const struct {
        const char *origin;
        TbReason reason;
    } rows[] = {
        {"https://example.org", 0},
        {"https://example.org:8443", 0},
        {"https://xn--mgbaam7a8h.example", 0},
        {"http://localhost", 0},
        {"http://localhost:3000", 0},
        {"http://app.localhost:3000", 0},
        {"http://127.0.0.1:8000", 0},
        {"http://[::1]:8000", 0},
        {"http://example.org", REFUSED},
        {"http://127.0.0.2", REFUSED},
        {"http://localhost.example.org", REFUSED},
        {"ftp://example.org", REFUSED},
        {"wss://example.org", REFUSED},
        {"chrome-extension://ccefchpnjpglhijhmdpndlfcgnhjebni", REFUSED},
        {"https://example.org/", BAD},
        {"https://example.org/path", BAD},
        {"https://example.org?query", BAD},
        {"https://example.org#part", BAD},
        {"https://user@example.org", BAD},
        {"https://user:word@example.org", BAD},
        {"https://Example.org", BAD},
        {"HTTPS://example.org", BAD},
        {"https://ex\303\244mple.org", BAD},
        {"https://example.org:443", BAD},
        {"http://localhost:80", BAD},
        {"https://example.org:", BAD},
        {"https://example.org:0", BAD},
        {"https://example.org:65536", BAD},
        {"https://example.org:08443", BAD},
        {"https://", BAD},
        {"https:///", BAD},
        {"example.org", BAD},
        {"null", BAD},
        {"", BAD},
        {"https://example .org", BAD},
        {" https://example.org", BAD},
        {"https://example.org\n", BAD},
        {"https://*.example.org", BAD},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (TbPurpose purpose = AUTH; purpose <= DOC; purpose++) {
            check_row(purpose, rows[i].origin, json_pack("{s:s}", "origin", rows[i].origin),
                      rows[i].reason, NULL);
            check_row(purpose, rows[i].origin, json_pack("{s:s}", "topOrigin", rows[i].origin),
                      rows[i].reason, NULL);
        }
    }
}

static void
test_origin_member(void)
{
    static const Row rows[] = {
        {AUTH, "{'origin': null}", BAD, "\"origin\""},
        {CHOOSE, "{'origin': null}", BAD, "\"origin\""},
        {DOC, "{'origin': null}", BAD, "\"origin\""},
        {AUTH, "{'origin': 5}", BAD, "\"origin\""},
        {AUTH, "{'origin': ['https://example.org']}", BAD, "\"origin\""},
        {AUTH, "{'topOrigin': true}", BAD, "\"topOrigin\""},
    };
    g_autofree char *host = g_strnfill(5000, 'a');
    g_autofree char *origin = g_strconcat("https://", host, NULL);

    check_rows(rows, G_N_ELEMENTS(rows));
    check_row(AUTH, "5000 bytes", json_pack("{s:s}", "origin", origin), BAD, NULL);
}

static void
test_nonce(void)
{
    static const Row rows[] = {
        {AUTH, "{'nonce': null}", BAD, "\"nonce\""},
        {AUTH, "{'nonce': 5}", BAD, "\"nonce\""},
        {AUTH, "{'nonce': ''}", BAD, NULL},
        /* 43: the padding is missing */
        {AUTH, "{'nonce': 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'}", BAD, NULL},
        {AUTH, "{'nonce': 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'}", BAD, NULL},
        {AUTH, "{'nonce': 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-_'}", BAD, NULL},
        {AUTH, "{'nonce': 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+/'}", 0, NULL},
        {AUTH, "{'nonce': 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\\n='}", BAD, NULL},
        {AUTH, "{'nonce': ' AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='}", BAD, NULL},
    };
    static const guint lengths[] = {40, 44, 48, 124, 128, 132, 4096, 5000};

    check_rows(rows, G_N_ELEMENTS(rows));
    for (guint i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autofree char *nonce = g_strnfill(lengths[i], 'A');

        check_row(AUTH, nonce, json_pack("{s:s}", "nonce", nonce),
                  lengths[i] >= 44 && lengths[i] <= 128 ? 0 : BAD, NULL);
    }
}

/* No message may repeat a nonce: it goes to logs and dialogs. */
static void
test_nonce_is_not_quoted(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(read_request(AUTH, tb_test_json("{'nonce': 'secret-nonce-value'}"), &error));
    g_assert_null(strstr(error->message, "secret"));
}

static void
test_simple_members(void)
{
    static const Row rows[] = {
        {AUTH, "{'lang': 'en'}", 0, NULL},
        {AUTH, "{'lang': 'zh-Hant-TW'}", 0, NULL},
        {AUTH, "{'lang': 'en_US'}", BAD, "\"lang\""},
        {AUTH, "{'lang': '../../etc'}", BAD, "\"lang\""},
        {AUTH, "{'lang': 'f\303\244'}", BAD, "\"lang\""},
        {AUTH, "{'lang': 1}", BAD, "\"lang\""},
        {AUTH, "{'lang': 'abcdefghijklmnopqrstuvwxyz-abcdefghijklmnop'}", BAD, "\"lang\""},
        {AUTH, "{'timeout': 999}", BAD, "\"timeout\""},
        {AUTH, "{'timeout': 1000}", 0, NULL},
        {AUTH, "{'timeout': 600000}", 0, NULL},
        {AUTH, "{'timeout': 600001}", BAD, "\"timeout\""},
        {AUTH, "{'timeout': 5000.0}", BAD, "\"timeout\""},
        {AUTH, "{'timeout': '5000'}", BAD, "\"timeout\""},
        {AUTH, "{'timeout': -5000}", BAD, "\"timeout\""},
        {AUTH, "{'timeout': 9223372036854775807}", BAD, "\"timeout\""},
        {AUTH, "{'chain': 1}", BAD, "\"chain\""},
        {AUTH, "{'chain': 'true'}", BAD, "\"chain\""},
        {AUTH, "{'pin': '1234'}", BAD, "\"pin\""},
        {AUTH, "{'module': '/lib/x.so'}", BAD, "\"module\""},
        {AUTH, "{'certificate': 'QUJD'}", BAD, "\"certificate\""},
        {AUTH, "{'hash': 'QUJD'}", BAD, "\"hash\""},
        {CHOOSE, "{'nonce': '" NONCE "'}", BAD, "\"nonce\""},
        {CHOOSE, "{'chain': true}", BAD, "\"chain\""},
        {CHOOSE, "{'issuers': ['QUJD'], 'policies': ['1.2'], 'lang': 'en', 'timeout': 2000}", 0,
         NULL},
        {DOC, "{'issuers': []}", BAD, "\"issuers\""},
        {DOC, "{'policies': []}", BAD, "\"policies\""},
        {DOC, "{'nonce': '" NONCE "'}", BAD, "\"nonce\""},
        {DOC, "{'lang': 'en', 'timeout': 2000}", 0, NULL},
        {DOC, "{'timeout': 1}", BAD, "\"timeout\""},
    };

    check_rows(rows, G_N_ELEMENTS(rows));
}

static void
test_lists(void)
{
    static const Row rows[] = {
        {AUTH, "{'issuers': []}", 0, NULL},
        {AUTH, "{'issuers': 'QUJD'}", BAD, "\"issuers\""},
        {AUTH, "{'issuers': {}}", BAD, "\"issuers\""},
        {AUTH, "{'issuers': [1]}", BAD, "\"issuers\""},
        {AUTH, "{'issuers': ['']}", BAD, "\"issuers\""},
        {AUTH, "{'issuers': ['QUJ']}", BAD, "\"issuers\""},
        {AUTH, "{'issuers': ['QU D']}", BAD, "\"issuers\""},
        {AUTH, "{'policies': ['1.2.3', '2.999']}", 0, NULL},
        {AUTH, "{'policies': ['1']}", BAD, "\"policies\""},
        {AUTH, "{'policies': ['']}", BAD, "\"policies\""},
        {AUTH, "{'policies': ['.1.2']}", BAD, "\"policies\""},
        {AUTH, "{'policies': ['1.2.']}", BAD, "\"policies\""},
        {AUTH, "{'policies': ['1..2']}", BAD, "\"policies\""},
        {AUTH, "{'policies': ['1.2a']}", BAD, "\"policies\""},
        {AUTH, "{'policies': ['anyPolicy']}", BAD, "\"policies\""},
        {AUTH, "{'policies': [['1.2']]}", BAD, "\"policies\""},
    };
    static const char *const members[] = {"issuers", "policies"};

    check_rows(rows, G_N_ELEMENTS(rows));
    for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
        g_autofree char *digits = g_strnfill(2100, '1');
        g_autofree char *longest = g_strconcat("1.", digits, NULL);
        json_t *list = json_array();

        for (guint j = 0; j < 32; j++)
            json_array_append_new(list, json_string(i == 0 ? "QUJD" : "1.2"));
        check_row(AUTH, "32 entries", json_pack("{s:O}", members[i], list), 0, NULL);
        json_array_append_new(list, json_string(i == 0 ? "QUJD" : "1.2"));
        check_row(AUTH, "33 entries", json_pack("{s:o}", members[i], list), BAD, members[i]);
        check_row(AUTH, "long entry", json_pack("{s:[s]}", members[i], longest), BAD, members[i]);
    }
}

static void
test_sign(void)
{
    static const Row rows[] = {
        {DOC, "{'certificate': null}", BAD, "\"certificate\""},
        {DOC, "{'certificate': ''}", BAD, "\"certificate\""},
        {DOC, "{'certificate': 'QUJ'}", BAD, "\"certificate\""},
        {DOC, "{'certificate': {}}", BAD, "\"certificate\""},
        {DOC, "{'hash': null}", BAD, "\"hash\""},
        {DOC, "{'hash': ''}", BAD, "\"hash\""},
        {DOC, "{'hash': 'QUJD'}", BAD, "\"hash\""},
        {DOC, "{'hash': '" SHA256 SHA256 "'}", BAD, "\"hash\""},
        {DOC, "{'hash': 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'}", BAD, "\"hash\""},
        {DOC, "{'hashFunction': null}", BAD, "\"hashFunction\""},
        {DOC, "{'hashFunction': 'SHA-384'}", BAD, "\"hash\""}, /* the lengths differ */
        {DOC, "{'hashFunction': 'SHA-1'}", TB_REASON_UNSUPPORTED, "\"hashFunction\""},
        {DOC, "{'hashFunction': 'SHA3-256'}", TB_REASON_UNSUPPORTED, "\"hashFunction\""},
        {DOC, "{'hashFunction': 'SHA256'}", TB_REASON_UNSUPPORTED, "\"hashFunction\""},
        {DOC, "{'hashFunction': 'sha-256'}", TB_REASON_UNSUPPORTED, "\"hashFunction\""},
        {DOC, "{'hashFunction': 'a-name-that-is-much-too-long'}", BAD, "\"hashFunction\""},
    };
    g_autofree char *certificate = g_strnfill(30000, 'A');

    check_rows(rows, G_N_ELEMENTS(rows));
    check_row(DOC, "30000 bytes", json_pack("{s:s}", "certificate", certificate), BAD,
              "\"certificate\"");
}

int
main(int argc, char **argv)
{
    tb_test_begin(&argc, &argv);
    g_test_add_func("/request/defaults", test_defaults);
    g_test_add_func("/request/all-members", test_all_members);
    g_test_add_func("/request/sign-members", test_sign_members);
    g_test_add_func("/request/chain", test_chain);
    g_test_add_func("/request/no-params", test_no_params);
    g_test_add_func("/request/origins", test_origins);
    g_test_add_func("/request/origin-member", test_origin_member);
    g_test_add_func("/request/nonce", test_nonce);
    g_test_add_func("/request/nonce-is-not-quoted", test_nonce_is_not_quoted);
    g_test_add_func("/request/simple-members", test_simple_members);
    g_test_add_func("/request/lists", test_lists);
    g_test_add_func("/request/sign", test_sign);
    return tb_test_end();
}
