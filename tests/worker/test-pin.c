/* SPDX-License-Identifier: Apache-2.0
 *
 * The PIN's state, and the memory of refused PINs.
 */
#include "host/worker/pin.h"

#include <string.h>

static TbSecret *
secret(const char *pin)
{
    TbSecret *made = tb_secret_new(TB_PIN_MAX);

    g_assert_nonnull(made);
    g_assert_true(tb_secret_insert(made, 0, pin, strlen(pin)));
    return made;
}

static TbPinDigest
digest_of(const TbPinMemory *memory, const CK_TOKEN_INFO *info, CK_USER_TYPE kind, const char *pin)
{
    TbSecret *made = secret(pin);
    TbPinDigest digest;

    g_assert_true(tb_pin_memory_digest(memory, info, kind, made, &digest));
    tb_secret_free(made);
    return digest;
}

static gboolean
remembers(const TbPinMemory *memory, const CK_TOKEN_INFO *info, CK_USER_TYPE kind, const char *pin)
{
    TbPinDigest digest = digest_of(memory, info, kind, pin);

    return tb_pin_memory_has(memory, &digest);
}

static void
test_memory(void)
{
    g_autoptr(TbPinMemory) memory = tb_pin_memory_new();
    CK_TOKEN_INFO card = {.serialNumber = "1"};
    CK_TOKEN_INFO other = {.serialNumber = "2"};
    TbPinDigest refused = digest_of(memory, &card, CKU_USER, "1111");

    g_assert_false(remembers(memory, &card, CKU_USER, "1111"));
    tb_pin_memory_add(memory, &refused);
    g_assert_true(remembers(memory, &card, CKU_USER, "1111"));
    g_assert_false(remembers(memory, &card, CKU_USER, "1112"));
    g_assert_false(remembers(memory, &card, CKU_USER, "11111"));
    g_assert_false(remembers(memory, &card, CKU_USER, ""));
    g_assert_false(remembers(memory, &card, CKU_CONTEXT_SPECIFIC, "1111"));
    g_assert_false(remembers(memory, &other, CKU_USER, "1111"));
    refused = digest_of(memory, &other, CKU_USER, "");
    tb_pin_memory_add(memory, &refused);
    g_assert_true(remembers(memory, &other, CKU_USER, ""));
    g_assert_true(remembers(memory, &card, CKU_USER, "1111"));
    /* Flags and counters change with use; the token is still the same. */
    card.flags = CKF_USER_PIN_COUNT_LOW;
    card.ulSessionCount = 3;
    g_assert_true(remembers(memory, &card, CKU_USER, "1111"));
    /* It has become the PIN. */
    refused = digest_of(memory, &card, CKU_USER, "1111");
    tb_pin_memory_add(memory, &refused);
    tb_pin_memory_remove(memory, &refused);
    g_assert_false(remembers(memory, &card, CKU_USER, "1111"));
    g_assert_true(remembers(memory, &other, CKU_USER, ""));
}

static void
test_doubtful(void)
{
    g_autoptr(TbPinMemory) memory = tb_pin_memory_new();
    CK_TOKEN_INFO card = {.serialNumber = "1"};
    TbPinDigest refused = digest_of(memory, &card, CKU_USER, "1111");
    TbPinDigest doubtful = digest_of(memory, &card, CKU_USER, "2222");

    tb_pin_memory_add_doubtful(memory, &doubtful);
    tb_pin_memory_add(memory, &refused);
    tb_pin_memory_add_doubtful(memory, &doubtful);
    g_assert_true(remembers(memory, &card, CKU_USER, "1111"));
    g_assert_true(remembers(memory, &card, CKU_USER, "2222"));
    tb_pin_memory_forget_doubtful(memory);
    g_assert_true(remembers(memory, &card, CKU_USER, "1111"));
    g_assert_false(remembers(memory, &card, CKU_USER, "2222"));
}

/* Two workers' memories are keyed differently: a digest tells nothing outside its process. */
static void
test_memories_have_own_keys(void)
{
    g_autoptr(TbPinMemory) one = tb_pin_memory_new();
    g_autoptr(TbPinMemory) two = tb_pin_memory_new();
    CK_TOKEN_INFO card = {.serialNumber = "1"};
    TbPinDigest first = digest_of(one, &card, CKU_USER, "1111");
    TbPinDigest second = digest_of(two, &card, CKU_USER, "1111");

    g_assert_cmpint(memcmp(&first, &second, sizeof first), !=, 0);
}

static void
test_states(void)
{
    static const struct {
        CK_FLAGS flags;
        const char *state;
    } rows[] = {
        {CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED, "ok"},
        {0, "ok"},
        {CKF_LOGIN_REQUIRED, "not_initialised"},
        {CKF_USER_PIN_INITIALIZED | CKF_USER_PIN_COUNT_LOW, "low"},
        {CKF_USER_PIN_INITIALIZED | CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY, "final_try"},
        {CKF_USER_PIN_INITIALIZED | CKF_USER_PIN_FINAL_TRY, "final_try"},
        {CKF_USER_PIN_INITIALIZED | CKF_USER_PIN_TO_BE_CHANGED, "to_be_changed"},
        {CKF_USER_PIN_INITIALIZED | CKF_USER_PIN_LOCKED, "locked"},
        {CKF_LOGIN_REQUIRED | CKF_USER_PIN_LOCKED | CKF_USER_PIN_COUNT_LOW, "locked"},
        {CKF_USER_PIN_INITIALIZED | CKF_SO_PIN_LOCKED, "ok"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        CK_TOKEN_INFO info = {.flags = rows[i].flags};

        g_assert_cmpstr(tb_pin_state(&info), ==, rows[i].state);
    }
}

/* The SO's flags, whatever the user's say. */
static void
test_puk_states(void)
{
    static const struct {
        CK_FLAGS flags;
        const char *state;
    } rows[] = {
        {0, "ok"},
        {CKF_USER_PIN_LOCKED | CKF_USER_PIN_TO_BE_CHANGED, "ok"},
        {CKF_SO_PIN_COUNT_LOW, "low"},
        {CKF_SO_PIN_FINAL_TRY | CKF_SO_PIN_COUNT_LOW, "final_try"},
        {CKF_SO_PIN_TO_BE_CHANGED, "to_be_changed"},
        {CKF_SO_PIN_LOCKED | CKF_SO_PIN_FINAL_TRY | CKF_SO_PIN_TO_BE_CHANGED, "locked"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        CK_TOKEN_INFO info = {.flags = rows[i].flags, .ulMinPinLen = 6, .ulMaxPinLen = 8};
        json_t *puk = tb_pin_puk_to_json(&info);

        g_assert_cmpstr(json_string_value(json_object_get(puk, "state")), ==, rows[i].state);
        g_assert_cmpint(json_integer_value(json_object_get(puk, "min")), ==, 6);
        json_decref(puk);
    }
}

static void
test_json(void)
{
    static const struct {
        CK_ULONG min, max;
        json_int_t shown_min, shown_max;
    } rows[] = {
        {4, 8, 4, 8},
        {0, 255, 1, 255},
        {0, 0, 1, 255},
        {4, CK_UNAVAILABLE_INFORMATION, 4, 255},
        {CK_UNAVAILABLE_INFORMATION, CK_UNAVAILABLE_INFORMATION, 1, 255},
        {9, 8, 1, 8},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        CK_TOKEN_INFO info = {.flags = CKF_PROTECTED_AUTHENTICATION_PATH,
                              .ulMinPinLen = rows[i].min,
                              .ulMaxPinLen = rows[i].max};
        json_t *pin = tb_pin_to_json(&info);

        g_assert_cmpint(json_integer_value(json_object_get(pin, "min")), ==, rows[i].shown_min);
        g_assert_cmpint(json_integer_value(json_object_get(pin, "max")), ==, rows[i].shown_max);
        g_assert_true(json_is_true(json_object_get(pin, "pad")));
        json_decref(pin);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_true(tb_secret_init(NULL));
    g_test_add_func("/worker/pin/memory", test_memory);
    g_test_add_func("/worker/pin/doubtful", test_doubtful);
    g_test_add_func("/worker/pin/own-keys", test_memories_have_own_keys);
    g_test_add_func("/worker/pin/states", test_states);
    g_test_add_func("/worker/pin/puk-states", test_puk_states);
    g_test_add_func("/worker/pin/json", test_json);
    return g_test_run();
}
