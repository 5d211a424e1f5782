/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: host/worker/certificate.c, chain.c and text.c. The input is certificates, each after
 * two bytes of length (big-endian), and a byte for its CKA_ID; what is left over is a label. All
 * that is read can be passed on, and the host can read it.
 */
#include <string.h>

#include "host/worker/certificate.h"
#include "host/worker/chain.h"
#include "host/worker/mechanism.h"
#include "host/worker/objects.h"
#include "host/worker/text.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/readers.h"

#define CERTIFICATES 6

static void
check_text(const void *bytes, size_t size)
{
    g_autofree char *clean = tb_text_clean(bytes, size);
    g_autofree char *again = tb_text_clean(clean, strlen(clean));
    g_autofree char *padded = tb_text_from_padded(bytes, MIN(size, 64));

    FUZZ_CHECK(g_utf8_validate(clean, -1, NULL) && strlen(clean) <= TB_TEXT_MAX);
    FUZZ_CHECK(strcmp(clean, again) == 0);
    FUZZ_CHECK(g_utf8_validate(padded, -1, NULL));
    for (const char *p = clean; *p; p += g_utf8_skip[(guchar)*p])
        FUZZ_CHECK(!g_unichar_iscntrl(g_utf8_get_char(p)));
}

static json_t *
to_json(const TbCertificate *certificate, const TbMechanisms *mechanisms)
{
    json_t *object = tb_certificate_to_json(certificate);
    json_t *chain = tb_chain_to_json(certificate);

    FUZZ_CHECK(json_array_size(chain) <= TB_CHAIN_MAX);
    json_object_set_new(object, "has_key", json_string("unknown"));
    json_object_set_new(object, "algorithms", tb_mechanisms_algorithms(mechanisms, certificate));
    json_object_set_new(object, "issuers", tb_chain_issuers_to_json(certificate));
    json_object_set_new(object, "chain", chain);
    return object;
}

/* A listing of one token with these certificates. */
static void
pass_on(GPtrArray *certificates)
{
    static const CK_MECHANISM_TYPE types[] = {CKM_ECDSA, CKM_RSA_PKCS, CKM_RSA_PKCS_PSS, CKM_EDDSA};
    TbMechanisms *mechanisms = tb_mechanisms_new(types, G_N_ELEMENTS(types));
    json_t *list = json_array();
    json_t *listing;

    for (guint i = 0; i < certificates->len; i++)
        json_array_append_new(list, to_json(certificates->pdata[i], mechanisms));
    listing = json_pack("{s:[{s:i, s:s, s:s, s:s, s:{s:s}, s:{s:s}, s:o}]}", "tokens", "slot", 1,
                        "label", "", "serial", "", "reader", "", "pin", "state", "ok", "puk",
                        "state", "ok", "certificates", list);
    FUZZ_CHECK(listing && fuzz_host_reads_listing(listing));
    json_decref(listing);
    tb_mechanisms_free(mechanisms);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GPtrArray) certificates =
        g_ptr_array_new_with_free_func((GDestroyNotify)tb_certificate_free);
    size_t at = 0;

    for (int i = 0; i < CERTIFICATES && size - at >= 3; i++) {
        size_t length = MIN(((size_t)data[at] << 8) + data[at + 1], size - at - 3);
        g_autoptr(GBytes) id = g_bytes_new(data + at + 2, 1);
        g_autofree guint8 *der = g_memdup2(data + at + 3, length); /* NULL when empty */
        TbCertificate *certificate = tb_certificate_parse(der, length, "label", id);

        at += 3 + length;
        if (!certificate)
            continue;
        FUZZ_CHECK(g_bytes_get_size(certificate->der) <= TB_OBJECTS_CERTIFICATE_SIZE_MAX);
        FUZZ_CHECK(strlen(certificate->id) == TB_CERTIFICATE_ID_LENGTH);
        g_ptr_array_add(certificates, certificate);
    }
    check_text(data + at, size - at);
    tb_chain_link(certificates);
    pass_on(certificates);
    return 0;
}
