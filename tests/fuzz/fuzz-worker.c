/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: all that a worker reads from its module. The first bytes of the input are requests,
 * the rest is what the module answers (module.c). Whatever it answers, each answer of the worker is
 * well formed, the host can read a listing, a signature is the certificate's, and no session stays
 * open behind a request.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <string.h>
#include <unistd.h>

#include "core/base64.h"
#include "core/secret.h"
#include "host/common/log.h"
#include "host/worker/certificate.h"
#include "host/worker/service.h"
#include "host/worker/signature.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/module.h"
#include "tests/fuzz/readers.h"
#include "tokenbridge/reason.h"

#define REQUESTS 4
#define INPUT "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" /* 32 bytes */

static struct {
    FuzzModuleFeed feed;
    FuzzModuleCount sessions;
} module;

static void
set_up(void)
{
    void *handle = dlopen(FUZZ_MODULE, RTLD_NOW | RTLD_LOCAL);

    unsigned char random;

    /* The generator's memory, before there is a secure heap, into which LeakSanitizer cannot see.
     */
    FUZZ_CHECK(handle && RAND_bytes(&random, 1) == 1 && RAND_priv_bytes(&random, 1) == 1 &&
               tb_secret_init(NULL));
    module.feed = (FuzzModuleFeed)dlsym(handle, FUZZ_MODULE_FEED);
    module.sessions = (FuzzModuleCount)dlsym(handle, FUZZ_MODULE_SESSIONS);
    FUZZ_CHECK(module.feed && module.sessions);
    /* Warnings are expected, and too many. */
    (void)g_setenv("TOKENBRIDGE_LOG", "error", TRUE);
    tb_log_init("fuzz-worker");
}

/* A member of the first token with a certificate, or of that certificate, in the last listing. */
static json_t *
listed(json_t *listing, const char *of_token, const char *of_certificate)
{
    json_t *token;
    size_t i;

    json_array_foreach (json_object_get(listing, "tokens"), i, token) {
        json_t *certificate = json_array_get(json_object_get(token, "certificates"), 0);

        if (certificate)
            return of_token ? json_object_get(token, of_token)
                            : json_object_get(certificate, of_certificate);
    }
    return NULL;
}

static json_t *
make_request(guint8 kind, json_t *listing)
{
    static const char *const pin_ops[] = {"change_pin", "unblock_pin", "reveal"};
    json_t *slot = listed(listing, "slot", NULL);
    json_t *serial = listed(listing, "serial", NULL);
    json_t *request;

    if ((kind & 7) == 0 || !slot)
        return json_pack("{s:s}", "op", "list");
    request = json_pack("{s:O, s:O}", "slot", slot, "token", serial);
    if ((kind & 7) < 4) {
        json_t *algorithms = listed(listing, NULL, "algorithms");
        json_t *algorithm = json_array_get(algorithms, (kind >> 5) % 4u);

        json_object_set_new(request, "op", json_string("sign"));
        json_object_set(request, "certificate", listed(listing, NULL, "id"));
        json_object_set_new(request, "input", json_string(INPUT));
        json_object_set_new(request, "prehashed", json_boolean(kind & 16));
        if ((kind & 7) == 3) /* with the login that "reveal" left */
            json_object_set_new(request, "held", json_true());
        json_object_set_new(request, "algorithm",
                            algorithm ? json_incref(algorithm) : json_string("ES256"));
    } else {
        json_object_set_new(request, "op", json_string(pin_ops[(kind & 7) % 3]));
    }
    return request;
}

/* The read end of a pipe with what the prompt would write. */
static int
pin_pipe(guint8 kind)
{
    static const char one[] = "123456\n";
    static const char two[] = "123456\n654321\n";
    const char *text = (kind & 7) < 4 ? one : two;
    int ends[2];

    FUZZ_CHECK(pipe2(ends, O_CLOEXEC) == 0);
    FUZZ_CHECK(write(ends[1], text, strlen(text)) == (ssize_t)strlen(text));
    FUZZ_CHECK(close(ends[1]) == 0);
    return ends[0];
}

/* Checks the signature once more, with nothing of the session's. */
static void
check_signature(json_t *request, json_t *listing, const char *signature_text)
{
    const char *algorithm = json_string_value(json_object_get(request, "algorithm"));
    const char *der_text = json_string_value(listed(listing, NULL, "der"));
    size_t der_length = 0, length = 0, input_length = 0;
    unsigned char *der = tb_base64_decode(der_text, strlen(der_text), &der_length);
    unsigned char *signature = tb_base64_decode(signature_text, strlen(signature_text), &length);
    unsigned char *bytes = tb_base64_decode(INPUT, strlen(INPUT), &input_length);
    g_autoptr(GBytes) input = g_bytes_new(bytes, input_length);
    TbCertificate *certificate = tb_certificate_parse(der, der_length, NULL, NULL);

    FUZZ_CHECK(certificate && signature);
    FUZZ_CHECK(tb_signature_verify(
        tb_certificate_public_key(certificate), tb_algorithm_by_jwa(algorithm),
        tb_signature_component_size(certificate->curve), input,
        json_is_true(json_object_get(request, "prehashed")), signature, length));
    tb_certificate_free(certificate);
    free(der);
    free(signature);
    free(bytes);
}

static void
check_answer(json_t *request, json_t *listing, json_t *answer)
{
    json_t *error = json_object_get(answer, "error");
    const char *signature = json_string_value(json_object_get(answer, "signature"));
    char *text = json_dumps(answer, JSON_COMPACT);
    TbReason reason;

    FUZZ_CHECK(text);
    free(text);
    if (error) {
        FUZZ_CHECK(!signature);
        FUZZ_CHECK(
            tb_reason_from_word(json_string_value(json_object_get(error, "reason")), &reason));
        FUZZ_CHECK(json_string_length(json_object_get(error, "message")) > 0);
    } else if (signature) {
        check_signature(request, listing, signature);
    } else if (json_object_get(answer, "tokens")) {
        FUZZ_CHECK(fuzz_host_reads_listing(answer));
    } else {
        FUZZ_CHECK(json_object_size(answer) > 0);
    }
}

static void
serve(TbService *service, const uint8_t *kinds)
{
    json_t *listing = NULL;

    for (guint i = 0; i < REQUESTS && kinds[i] != 0xff; i++) {
        json_t *request = make_request(kinds[i], listing);
        int fd = (kinds[i] & 8) || (kinds[i] & 7) == 3 ? -1 : pin_pipe(kinds[i]);
        json_t *answer = tb_service_answer(service, request, fd);

        if (fd >= 0)
            FUZZ_CHECK(close(fd) == 0);
        check_answer(request, listing, answer);
        /* A login that is held for the next request holds its session. */
        FUZZ_CHECK(module.sessions() <= 1);
        json_decref(request);
        if (json_object_get(answer, "tokens")) {
            json_decref(listing);
            listing = json_incref(answer);
        }
        json_decref(answer);
    }
    json_decref(listing);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TbService *service;

    if (!module.feed)
        set_up();
    if (size < REQUESTS)
        return 0;
    module.feed(data + REQUESTS, size - REQUESTS);
    service = tb_service_new(FUZZ_MODULE, NULL, NULL);
    FUZZ_CHECK(service);
    serve(service, data);
    tb_service_free(service);
    FUZZ_CHECK(module.sessions() == 0);
    return 0;
}
