/* SPDX-License-Identifier: Apache-2.0
 *
 * The PIV card emulator's application, command by command, against SP 800-73-4 part 2; without a
 * reader.
 */
#include <glib/gstdio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>
#include <unistd.h>

#include "tests/piv/applet.h"
#include "tests/piv/tlv.h"
#include "tests/support/assert.h"
#include "tests/worker/issue.h"

#define SELECT "00a404000ba000000308000010000100"
#define PIN "313233343536ffff"
#define WRONG "313131313131ffff"
#define NEW_PIN "363534333231ffff"
#define PUK "3132333435363738"
#define VERIFY "0020008008"

typedef struct Desk {
    char *folder;
    char *state;
    EVP_PKEY *key; /* of slot 9C: P-256 */
    PivPins *pins;
    PivSlots *slots;
    PivApplet *applet;
    GByteArray *data; /* of the last response */
} Desk;

static char *
write_pem(const Desk *desk, const char *name, EVP_PKEY *key, X509 *x509)
{
    char *path = g_build_filename(desk->folder, name, NULL);
    FILE *file = fopen(path, "we");

    g_assert_nonnull(file);
    if (x509)
        g_assert_true(PEM_write_X509(file, x509));
    else
        g_assert_true(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
    g_assert_cmpint(fclose(file), ==, 0);
    return path;
}

static void
fill(Desk *desk, guint reference, EVP_PKEY *key)
{
    g_autofree char *name = g_strdup_printf("%x.key", reference);
    g_autofree char *key_path = write_pem(desk, name, key, NULL);
    g_autoptr(GError) error = NULL;
    X509 *x509 = tb_test_issue(&(TbTestIssue){.subject = "Ann", .key = key});
    g_autofree char *certificate_path = write_pem(desk, "certificate.pem", NULL, x509);

    X509_free(x509);
    piv_slots_fill(desk->slots, reference, certificate_path, key_path, &error);
    g_assert_no_error(error);
}

static void
set_up(Desk *desk, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    EVP_PKEY *rsa = tb_test_key("RSA");

    desk->folder = g_dir_make_tmp("tokenbridge-piv-XXXXXX", &error);
    g_assert_no_error(error);
    desk->state = g_build_filename(desk->folder, "state", NULL);
    desk->key = tb_test_key("P-256");
    desk->slots = piv_slots_new(7);
    fill(desk, 0x9a, rsa);
    fill(desk, 0x9c, desk->key);
    EVP_PKEY_free(rsa);
    desk->pins = piv_pins_new(desk->state, &error);
    g_assert_no_error(error);
    desk->applet = piv_applet_new(desk->pins, desk->slots);
}

static void
tear_down(Desk *desk, gconstpointer data)
{
    static const char *const names[] = {"9a.key", "9c.key", "certificate.pem", "state"};

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(desk->folder, names[i], NULL);

        g_assert_no_errno(g_unlink(path));
    }
    g_assert_no_errno(g_rmdir(desk->folder));
    piv_applet_free(desk->applet);
    piv_pins_free(desk->pins);
    piv_slots_free(desk->slots);
    EVP_PKEY_free(desk->key);
    g_clear_pointer(&desk->data, g_byte_array_unref);
    g_free(desk->state);
    g_free(desk->folder);
}

/* Sends a command in hexadecimal; returns the status word. */
static guint
send(Desk *desk, const char *hex)
{
    long length = 0;
    unsigned char *command = OPENSSL_hexstr2buf(hex, &length);
    guint status;

    g_assert_nonnull(command);
    g_clear_pointer(&desk->data, g_byte_array_unref);
    desk->data = piv_applet_answer(desk->applet, command, (gsize)length);
    OPENSSL_free(command);
    g_assert_cmpuint(desk->data->len, >=, 2);
    status =
        (guint)desk->data->data[desk->data->len - 2] << 8 | desk->data->data[desk->data->len - 1];
    g_byte_array_set_size(desk->data, desk->data->len - 2);
    return status;
}

#define assert_status(desk, hex, status) g_assert_cmphex(send(desk, hex), ==, status)

static void
test_select(Desk *desk, gconstpointer data)
{
    assert_status(desk, "0020008000", 0x6d00); /* nothing is selected */
    assert_status(desk, "00a4040006a00000000101", 0x6a82);
    assert_status(desk, "00a404000ba000000308000010000200", 0x6a82); /* another version */
    assert_status(desk, "00a404000ba0000003080000100001", 0x6700);   /* a byte is missing */
    assert_status(desk, SELECT "00", 0x9000);
    g_assert_cmphex(desk->data->data[0], ==, 0x61);
    assert_status(desk, "00ff0000", 0x6d00);
    assert_status(desk, "8020008000", 0x6e00);
    assert_status(desk, "0020", 0x6700);
}

static void
test_tries(Desk *desk, gconstpointer data)
{
    static const guint statuses[] = {0x63c4, 0x63c3, 0x63c2, 0x63c1, 0x63c0, 0x6983, 0x6983};

    assert_status(desk, SELECT "00", 0x9000);
    for (gsize i = 0; i < G_N_ELEMENTS(statuses); i++) {
        assert_status(desk, VERIFY WRONG, statuses[i]);
        assert_status(desk, "00200080", i < 4 ? statuses[i] : 0x6983);
    }
    assert_status(desk, VERIFY PIN, 0x6983);
    /* The PUK gives them back, with a new PIN. */
    assert_status(desk, "002c008010" WRONG NEW_PIN, 0x63c4);
    assert_status(desk, "002c008010" PUK NEW_PIN, 0x9000);
    assert_status(desk, VERIFY PIN, 0x63c4);
    assert_status(desk, VERIFY NEW_PIN, 0x9000);
    assert_status(desk, "00200080", 0x9000);
    assert_status(desk, "0020ff80", 0x9000); /* logged out */
    assert_status(desk, "00200080", 0x63c5);
    assert_status(desk, "00200000", 0x6a88); /* there is no global PIN */
    assert_status(desk, "00200080023132", 0x6a80);
}

static void
test_change(Desk *desk, gconstpointer data)
{
    assert_status(desk, SELECT "00", 0x9000);
    assert_status(desk, "0024008010" WRONG NEW_PIN, 0x63c4);
    assert_status(desk, "0024008010" PIN "3132333435ffffff", 0x6a80); /* five digits */
    assert_status(desk, "0024008010" PIN "31323334ff36ffff", 0x6a80);
    assert_status(desk, "0024008010" PIN "313233343561ffff", 0x6a80);
    assert_status(desk, "0024008010" PIN NEW_PIN, 0x9000);
    assert_status(desk, VERIFY PIN, 0x63c4);
    assert_status(desk, VERIFY NEW_PIN, 0x9000);
    assert_status(desk, "0024008110" PUK NEW_PIN, 0x9000);
    assert_status(desk, "002c008010" PUK PIN, 0x63c4);
    assert_status(desk, "002c008010" NEW_PIN PIN, 0x9000);
}

/* What is left after the card is out, and the emulator has been started again. */
static void
test_state_stays(Desk *desk, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    assert_status(desk, SELECT "00", 0x9000);
    assert_status(desk, VERIFY WRONG, 0x63c4);
    assert_status(desk, VERIFY WRONG, 0x63c3);
    piv_applet_free(desk->applet);
    piv_pins_free(desk->pins);
    desk->pins = piv_pins_new(desk->state, &error);
    g_assert_no_error(error);
    desk->applet = piv_applet_new(desk->pins, desk->slots);
    assert_status(desk, "00200080", 0x6d00);
    assert_status(desk, SELECT "00", 0x9000);
    assert_status(desk, "00200080", 0x63c3);
    piv_pins_set_tries(desk->pins, PIV_SECRET_PIN, 1);
    assert_status(desk, VERIFY PIN, 0x9000);
    piv_applet_reset(desk->applet);
    assert_status(desk, SELECT "00", 0x9000);
    assert_status(desk, "00200080", 0x63c5);
}

static void
test_objects(Desk *desk, gconstpointer data)
{
    const guint8 *object = NULL;
    const guint8 *value = NULL;
    gsize size = 0;
    gsize length = 0;
    g_autoptr(GByteArray) all = g_byte_array_new();
    guint status;

    assert_status(desk, SELECT "00", 0x9000);
    assert_status(desk, "00cb3fff055c035fc10200", 0x9000); /* CHUID */
    g_assert_true(piv_tlv_find(desk->data->data, desk->data->len, 0x53, &object, &size));
    g_assert_true(piv_tlv_find(object, size, 0x34, &value, &length));
    g_assert_cmpuint(length, ==, 16);
    g_assert_cmpuint(value[15], ==, 7);
    assert_status(desk, "00cb3fff035c017e00", 0x9000); /* discovery */
    g_assert_true(piv_tlv_find(desk->data->data, desk->data->len, 0x7e, &object, &size));
    assert_status(desk, "00cb3fff055c035fc10b00", 0x6a82); /* 9D is empty */
    assert_status(desk, "00cb3fff00", 0x6a80);
    /* A certificate is longer than a response. */
    status = send(desk, "00cb3fff055c035fc10500");
    while (status >> 8 == 0x61) {
        g_assert_cmpuint(desk->data->len, ==, 256);
        g_byte_array_append(all, desk->data->data, desk->data->len);
        status = send(desk, "00c0000000");
    }
    g_assert_cmphex(status, ==, 0x9000);
    g_byte_array_append(all, desk->data->data, desk->data->len);
    g_assert_true(piv_tlv_find(all->data, all->len, 0x53, &object, &size));
    g_assert_true(piv_tlv_find(object, size, 0x70, &value, &length));
    g_assert_cmpuint(length, >, 500);
    assert_status(desk, "00c0000000", 0x6a80); /* nothing is left */
}

/* 9C: the PIN counts for the very next command only. The digest comes in two parts. */
static void
test_sign_with_pin_always(Desk *desk, gconstpointer data)
{
    static const guint8 digest[32] = "0123456789abcdef0123456789abcdef";
    static const char first[] = "1087119c167c2482008120"
                                "30313233343536373839616263646566";
    static const char last[] = "0087119c10"
                               "30313233343536373839616263646566"
                               "00";
    const guint8 *template = NULL;
    const guint8 *signature = NULL;
    gsize size = 0;
    gsize length = 0;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(desk->key, NULL);

    assert_status(desk, SELECT "00", 0x9000);
    assert_status(desk, first, 0x9000);
    assert_status(desk, last, 0x6982);
    assert_status(desk, VERIFY PIN, 0x9000);
    assert_status(desk, "00200080", 0x9000); /* any command in between */
    assert_status(desk, first, 0x9000);
    assert_status(desk, last, 0x6982);
    assert_status(desk, VERIFY PIN, 0x9000);
    assert_status(desk, first, 0x9000);
    assert_status(desk, last, 0x9000);
    g_assert_true(piv_tlv_find(desk->data->data, desk->data->len, 0x7c, &template, &size));
    g_assert_true(piv_tlv_find(template, size, 0x82, &signature, &length));
    g_assert_cmpint(EVP_PKEY_verify_init(context), ==, 1);
    g_assert_cmpint(EVP_PKEY_verify(context, signature, length, digest, sizeof digest), ==, 1);
    EVP_PKEY_CTX_free(context);
    assert_status(desk, first, 0x9000);
    assert_status(desk, last, 0x6982); /* once for each signature */
}

static void
test_sign_refusals(Desk *desk, gconstpointer data)
{
    assert_status(desk, SELECT "00", 0x9000);
    assert_status(desk, "0087079a067c0482008100", 0x6982);
    assert_status(desk, VERIFY PIN, 0x9000);
    assert_status(desk, "0087079d067c0482008100", 0x6a88);     /* no key there */
    assert_status(desk, "0087119a067c0482008100", 0x6a80);     /* another algorithm */
    assert_status(desk, "0087079a087c068200810200ff", 0x6a80); /* not the modulus' length */
    assert_status(desk, "0087079a047c7f8200", 0x6a80);         /* longer than it is */
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*run)(Desk *desk, gconstpointer data);
    } cases[] = {
        {"/piv-applet/select", test_select},
        {"/piv-applet/tries", test_tries},
        {"/piv-applet/change", test_change},
        {"/piv-applet/state-stays", test_state_stays},
        {"/piv-applet/objects", test_objects},
        {"/piv-applet/sign-with-pin-always", test_sign_with_pin_always},
        {"/piv-applet/sign-refusals", test_sign_refusals},
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        g_test_add(cases[i].path, Desk, NULL, set_up, cases[i].run, tear_down);
    return g_test_run();
}
