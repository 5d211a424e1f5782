/* SPDX-License-Identifier: Apache-2.0
 *
 * The test token itself, called as a PKCS#11 module: what other tests build on holds.
 */
#include <dlfcn.h>
#include <glib/gstdio.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

#include "tests/support/child.h"
#include "tests/token/desk.h"
#include "tests/token/reader.h"
#include "tests/token/script.h"

#define EMPTY "'slots': [{'id': 1}]"

static const CK_FUNCTION_LIST *p11;

/* A desk without a worker, and the module of this process on its script. */
static TtDesk *
begin(const char *token_members, const char *faults)
{
    TtDesk *desk = tt_desk_new();

    tt_desk_person(desk, "ann", "P-256", "digitalSignature");
    tt_desk_write(desk, TT_ANN_SCRIPT, token_members, faults);
    g_setenv(TT_SCRIPT_VARIABLE, desk->script, TRUE);
    g_assert_cmpuint(p11->C_Initialize(NULL), ==, CKR_OK);
    return desk;
}

static void
end(TtDesk *desk)
{
    g_assert_cmpuint(p11->C_Finalize(NULL), ==, CKR_OK);
    tt_desk_free(desk);
}

static CK_SESSION_HANDLE
open_session(CK_FLAGS flags)
{
    CK_SESSION_HANDLE session = CK_INVALID_HANDLE;

    g_assert_cmpuint(p11->C_OpenSession(1, CKF_SERIAL_SESSION | flags, NULL, NULL, &session), ==,
                     CKR_OK);
    return session;
}

static CK_RV
log_in(CK_SESSION_HANDLE session, CK_USER_TYPE user, const char *pin)
{
    g_autofree char *copy = g_strdup(pin);

    return p11->C_Login(session, user, (CK_UTF8CHAR *)copy, strlen(pin));
}

static CK_FLAGS
flags_of_token(void)
{
    CK_TOKEN_INFO info;

    g_assert_cmpuint(p11->C_GetTokenInfo(1, &info), ==, CKR_OK);
    return info.flags;
}

#define USER_FLAGS (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED)

/* What each style answers to wrong PINs, and what it shows then. */
static void
test_styles(void)
{
    static const struct {
        const char *token;
        CK_RV rv[4];
        CK_FLAGS flags[4];
        gboolean opens; /* the right PIN is taken afterwards */
    } rows[] = {
        {"'tries': 3,",
         {CKR_PIN_INCORRECT, CKR_PIN_INCORRECT, CKR_PIN_INCORRECT, CKR_PIN_LOCKED},
         {CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY,
          CKF_USER_PIN_LOCKED, CKF_USER_PIN_LOCKED},
         FALSE},
        {"'pins': 'final_only',",
         {CKR_PIN_INCORRECT, CKR_PIN_INCORRECT, CKR_PIN_INCORRECT, CKR_PIN_LOCKED},
         {0, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED, CKF_USER_PIN_LOCKED},
         FALSE},
        {"'pins': 'low_only',",
         {CKR_PIN_INCORRECT, CKR_PIN_INCORRECT, CKR_PIN_INCORRECT, CKR_PIN_INCORRECT},
         {CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_COUNT_LOW,
          CKF_USER_PIN_COUNT_LOW},
         TRUE},
        {"'pins': 'no_flags',",
         {CKR_PIN_INCORRECT, CKR_PIN_INCORRECT, CKR_PIN_INCORRECT, CKR_PIN_LOCKED},
         {0, 0, 0, 0},
         FALSE},
        {"'pins': 'incorrect_for_ever', 'state_key': 'iso',",
         {CKR_PIN_INCORRECT, CKR_PIN_INCORRECT, CKR_PIN_INCORRECT, CKR_PIN_INCORRECT},
         {0, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED, CKF_USER_PIN_LOCKED},
         FALSE},
        {"'pins': 'general_error',",
         {CKR_GENERAL_ERROR, CKR_GENERAL_ERROR, CKR_GENERAL_ERROR, CKR_GENERAL_ERROR},
         {0, 0, 0, 0},
         TRUE},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        TtDesk *desk = begin(rows[i].token, "");
        CK_SESSION_HANDLE session = open_session(0);

        for (gsize j = 0; j < G_N_ELEMENTS(rows[i].rv); j++) {
            g_assert_cmpuint(log_in(session, CKU_USER, "wrong"), ==, rows[i].rv[j]);
            g_assert_cmpuint(flags_of_token() & USER_FLAGS, ==, rows[i].flags[j]);
        }
        g_assert_cmpint(log_in(session, CKU_USER, TT_PIN) == CKR_OK, ==, rows[i].opens);
        g_assert_cmpuint(tt_desk_count(desk, "C_Login", "{'right': false, 'pin_number': 1}"), <=,
                         4);
        g_assert_cmpuint(tt_desk_count(desk, "C_Login", "{'slot': 1, 'pin_length': 5}"), ==, 4);
        end(desk);
    }
}

static CK_RV
set_pin(CK_SESSION_HANDLE session, const char *old_pin, const char *new_pin)
{
    g_autofree char *old_copy = g_strdup(old_pin);
    g_autofree char *new_copy = g_strdup(new_pin);

    return p11->C_SetPIN(session, (CK_UTF8CHAR *)old_copy, strlen(old_pin), (CK_UTF8CHAR *)new_copy,
                         strlen(new_pin));
}

static void
test_change_and_unblock(void)
{
    TtDesk *desk = begin("'tries': 2, 'to_be_changed': true,", "");
    CK_SESSION_HANDLE session = open_session(CKF_RW_SESSION);
    char fresh[] = "555555";

    g_assert_cmpuint(flags_of_token() & CKF_USER_PIN_TO_BE_CHANGED, !=, 0);
    g_assert_cmpuint(set_pin(session, "wrong", "777777"), ==, CKR_PIN_INCORRECT);
    g_assert_cmpuint(set_pin(session, TT_PIN, "7"), ==, CKR_PIN_LEN_RANGE);
    g_assert_cmpuint(set_pin(session, TT_PIN, "7777777777777"), ==, CKR_PIN_LEN_RANGE);
    g_assert_cmpuint(set_pin(session, TT_PIN, "777777"), ==, CKR_OK);
    g_assert_cmpuint(flags_of_token() & CKF_USER_PIN_TO_BE_CHANGED, ==, 0);
    g_assert_cmpuint(log_in(session, CKU_USER, TT_PIN), ==, CKR_PIN_INCORRECT);
    g_assert_cmpuint(log_in(session, CKU_USER, "wrong"), ==, CKR_PIN_INCORRECT);
    g_assert_cmpuint(log_in(session, CKU_USER, "777777"), ==, CKR_PIN_LOCKED);

    g_assert_cmpuint(p11->C_InitPIN(session, (CK_UTF8CHAR *)fresh, 6), ==, CKR_USER_NOT_LOGGED_IN);
    g_assert_cmpuint(log_in(session, CKU_SO, "wrong"), ==, CKR_PIN_INCORRECT);
    g_assert_cmpuint(flags_of_token() & CKF_SO_PIN_COUNT_LOW, !=, 0);
    g_assert_cmpuint(log_in(session, CKU_SO, "12345678"), ==, CKR_OK);
    g_assert_cmpuint(p11->C_InitPIN(session, (CK_UTF8CHAR *)fresh, 6), ==, CKR_OK);
    g_assert_cmpuint(p11->C_Logout(session), ==, CKR_OK);
    g_assert_cmpuint(flags_of_token() & USER_FLAGS, ==, 0);
    g_assert_cmpuint(log_in(session, CKU_USER, fresh), ==, CKR_OK);
    g_assert_cmpuint(tt_desk_count(desk, "C_SetPIN", NULL), ==, 4);
    g_assert_cmpuint(tt_desk_count(desk, "C_InitPIN", "{'rv': 'CKR_OK', 'new_length': 6}"), ==, 1);

    /* A session for reading only changes nothing; the SO needs one for writing. */
    g_assert_cmpuint(p11->C_CloseSession(session), ==, CKR_OK);
    session = open_session(0);
    g_assert_cmpuint(set_pin(session, fresh, TT_PIN), ==, CKR_SESSION_READ_ONLY);
    g_assert_cmpuint(log_in(session, CKU_SO, "12345678"), ==, CKR_SESSION_READ_ONLY_EXISTS);
    end(desk);
}

/* With the PIN's hash in the script, neither the script nor the state has the PIN. */
static void
test_hashed_pin(void)
{
    guint8 digest[SHA256_DIGEST_LENGTH];
    GString *member = g_string_new("'pin_sha256': '");
    g_autofree char *state_path = NULL;
    g_autofree char *state = NULL;
    CK_SESSION_HANDLE session;
    TtDesk *desk;

    (void)SHA256((const unsigned char *)"canary-4711", 11, digest);
    for (gsize i = 0; i < sizeof digest; i++)
        g_string_append_printf(member, "%02x", digest[i]);
    g_string_append(member, "',");
    desk = begin(member->str, "");
    g_string_free(member, TRUE);
    session = open_session(CKF_RW_SESSION);
    g_assert_cmpuint(log_in(session, CKU_USER, TT_PIN), ==, CKR_PIN_INCORRECT);
    g_assert_cmpuint(log_in(session, CKU_USER, "canary-4711"), ==, CKR_OK);
    g_assert_cmpuint(set_pin(session, "canary-4711", "canary-4712"), ==, CKR_OK);
    state_path = g_strconcat(desk->script, ".state", NULL);
    g_assert_true(g_file_get_contents(state_path, &state, NULL, NULL));
    g_assert_null(strstr(state, "canary"));
    end(desk);
}

/* A new insertion: sessions, login and handles of the old one are dead. */
static void
test_insertion(void)
{
    TtDesk *desk = begin("", "");
    CK_SESSION_HANDLE session = open_session(0);
    CK_SESSION_HANDLE other;
    CK_OBJECT_HANDLE objects[4];
    CK_ULONG count = 0;
    CK_ULONG slots = 0;
    CK_SLOT_ID slot = 0;
    CK_BYTE label[8];
    CK_ATTRIBUTE attribute = {CKA_LABEL, label, sizeof label};

    g_assert_cmpuint(p11->C_FindObjectsInit(session, NULL, 0), ==, CKR_OK);
    g_assert_cmpuint(p11->C_FindObjects(session, objects, 4, &count), ==, CKR_OK);
    g_assert_cmpuint(p11->C_FindObjectsFinal(session), ==, CKR_OK);
    g_assert_cmpuint(count, ==, 1); /* the key shows after login */
    g_assert_cmpuint(log_in(session, CKU_USER, TT_PIN), ==, CKR_OK);
    g_assert_cmpuint(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), ==, CKR_NO_EVENT);

    tt_desk_write(desk, EMPTY);
    g_assert_cmpuint(p11->C_GetSlotList(CK_TRUE, NULL, &slots), ==, CKR_OK);
    g_assert_cmpuint(slots, ==, 0);
    g_assert_cmpuint(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), ==, CKR_OK);
    g_assert_cmpuint(slot, ==, 1);
    g_assert_cmpuint(p11->C_Logout(session), ==, CKR_SESSION_HANDLE_INVALID);
    g_assert_cmpuint(p11->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &other), ==,
                     CKR_TOKEN_NOT_PRESENT);

    tt_desk_write(desk, TT_ANN_SCRIPT, "", "");
    g_assert_cmpuint(p11->C_Logout(session), ==, CKR_SESSION_HANDLE_INVALID);
    other = open_session(0);
    g_assert_cmpuint(p11->C_GetAttributeValue(other, objects[0], &attribute, 1), ==,
                     CKR_OBJECT_HANDLE_INVALID);
    g_assert_cmpuint(log_in(other, CKU_USER, TT_PIN), ==, CKR_OK);
    end(desk);
}

static gpointer
insert_soon(gpointer data)
{
    g_usleep(100000);
    tt_desk_write(data, TT_ANN_SCRIPT, "'insertion': 2,", "");
    return NULL;
}

static void
test_slot_events(void)
{
    TtDesk *desk = begin("", "");
    CK_SLOT_ID slot = 0;
    GThread *thread = g_thread_new("insert", insert_soon, desk);

    g_assert_cmpuint(p11->C_WaitForSlotEvent(0, &slot, NULL), ==, CKR_OK);
    g_assert_cmpuint(slot, ==, 1);
    g_thread_join(thread);
    tt_desk_write(desk, "'slot_events': 'poll_only', " EMPTY);
    g_assert_cmpuint(p11->C_WaitForSlotEvent(0, &slot, NULL), ==, CKR_FUNCTION_NOT_SUPPORTED);
    g_assert_cmpuint(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), ==, CKR_OK);
    g_assert_cmpuint(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), ==, CKR_NO_EVENT);
    tt_desk_write(desk, "'slot_events': 'no', " EMPTY);
    g_assert_cmpuint(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), ==,
                     CKR_FUNCTION_NOT_SUPPORTED);
    tt_desk_write(desk, "'slot_events': 'initial', " EMPTY);
    g_assert_cmpuint(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), ==, CKR_OK);
    g_assert_cmpuint(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), ==, CKR_NO_EVENT);
    end(desk);
}

/* nth, from, after, slot, and several on one call. */
static void
test_when_faults_come(void)
{
    TtDesk *desk = begin("", "{'call': 'C_GetSlotInfo', 'nth': 2, 'rv': 'CKR_DEVICE_ERROR'},"
                             "{'call': 'C_GetSlotInfo', 'from': 4, 'rv': '0x80000005'},"
                             "{'call': 'C_GetTokenInfo', 'slot': 2, 'rv': 'CKR_DEVICE_ERROR'},"
                             "{'call': 'C_OpenSession', 'after': true, 'rv': 'CKR_DEVICE_ERROR'},"
                             "{'call': 'C_DigestInit', 'rv': 'CKR_HOST_MEMORY'}");
    static const CK_RV expected[] = {CKR_OK, CKR_DEVICE_ERROR, CKR_OK, 0x80000005, 0x80000005};
    CK_SLOT_INFO info;
    CK_TOKEN_INFO token;
    CK_SESSION_HANDLE session = CK_INVALID_HANDLE;

    for (gsize i = 0; i < G_N_ELEMENTS(expected); i++)
        g_assert_cmpuint(p11->C_GetSlotInfo(1, &info), ==, expected[i]);
    g_assert_cmpuint(p11->C_GetTokenInfo(1, &token), ==, CKR_OK);
    g_assert_cmpuint(p11->C_GetTokenInfo(2, &token), ==, CKR_DEVICE_ERROR);
    /* It was opened all the same. */
    g_assert_cmpuint(p11->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &session), ==,
                     CKR_DEVICE_ERROR);
    g_assert_cmpuint(p11->C_CloseSession(session), ==, CKR_OK);
    g_assert_cmpuint(p11->C_DigestInit(session, NULL), ==, CKR_HOST_MEMORY);
    g_assert_cmpuint(p11->C_DigestFinal(session, NULL, NULL), ==, CKR_SESSION_HANDLE_INVALID);
    end(desk);
}

static void
read_script(int fd, gconstpointer data)
{
    CK_ULONG count;

    (void)dup2(fd, STDERR_FILENO);
    g_setenv(TT_SCRIPT_VARIABLE, data, TRUE);
    (void)p11->C_GetSlotList(CK_FALSE, NULL, &count);
}

/* A mistake is told, with its place, and never passes for a token. */
static void
test_mistakes(void)
{
    static const struct {
        const char *script;
        const char *text;
    } rows[] = {
        {"'slotz': []", "slotz"},
        {"'slots': {}", "slots"},
        {"'slots': [{'id': 1, 'token': {'lable': 'x'}}]", "slots[0].token"},
        {"'slots': [{'id': 1, 'token': {'pins': 'nice'}}]", "nice"},
        {"'slots': [{'id': 1, 'token': {'label': '123456789012345678901234567890123'}}]", "label"},
        {"'slots': [{'id': 1, 'token': {'objects': [{'class': 'certificate', 'file': 'no'}]}}]",
         "slots[0].token.objects[0]"},
        {"'faults': [{'call': 'Sign'}]", "faults[0]"},
        {"'faults': [{'call': 'C_Sign', 'rv': 'CKR_NONSENSE'}]", "CKR_NONSENSE"},
        {"'faults': [{'call': 'C_Sign', 'do': 'dance'}]", "dance"},
        {"'slots': [", "line 1"},
    };
    g_autoptr(TtDesk) desk = tt_desk_new();

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *said = NULL;
        gsize length = 0;
        int status = 0;

        tt_desk_write(desk, "%s", rows[i].script);
        said = tb_test_in_child(read_script, desk->script, &length, &status);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, TT_EXIT_SCRIPT);
        g_assert_nonnull(strstr(said, rows[i].text));
    }
}

int
main(int argc, char **argv)
{
    union {
        void *symbol;
        CK_C_GetFunctionList function;
    } get_list;
    g_autoptr(TtDesk) desk = tt_desk_new();
    CK_FUNCTION_LIST *list = NULL;
    void *library;

    g_test_init(&argc, &argv, NULL);
    library = dlopen(g_getenv("TB_TEST_TOKEN_MODULE"), RTLD_NOW | RTLD_LOCAL);
    if (!library)
        g_error("%s", dlerror());
    tt_desk_write(desk, EMPTY);
    g_setenv(TT_SCRIPT_VARIABLE, desk->script, TRUE);
    get_list.symbol = dlsym(library, "C_GetFunctionList");
    g_assert_nonnull(get_list.symbol);
    g_assert_cmpuint(get_list.function(&list), ==, CKR_OK);
    p11 = list;
    g_test_add_func("/token/module/styles", test_styles);
    g_test_add_func("/token/module/change-and-unblock", test_change_and_unblock);
    g_test_add_func("/token/module/hashed-pin", test_hashed_pin);
    g_test_add_func("/token/module/insertion", test_insertion);
    g_test_add_func("/token/module/slot-events", test_slot_events);
    g_test_add_func("/token/module/faults", test_when_faults_come);
    g_test_add_func("/token/module/mistakes", test_mistakes);
    return g_test_run();
}
