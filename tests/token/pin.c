/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: PINs: see pin.h. Test code only.
 */
#include "tests/token/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "tests/token/reader.h"

#define STATE_MAX 65536

/* OpenSC knows of flags only in the process that tried. */
static GHashTable *tried_here;

/* One PIN's part of the state. */
typedef struct Counter {
    guint64 wrong;    /* since the last good login, or since it was set */
    gboolean changed; /* digest replaces the script's */
    TtPinDigest digest;
} Counter;

typedef struct State {
    int fd;
    json_t *file; /* {"<key>": {"user": {"wrong", "pin_sha256"?}, "so": {...}}} */
    const char *path;
} State;

TtPinDigest
tt_pin_digest(const void *pin, gsize length)
{
    TtPinDigest digest;

    (void)EVP_Digest(pin ? pin : "", length, digest.bytes, NULL, EVP_sha256(), NULL);
    return digest;
}

static TtPinDigest
digest_from_bytes(GBytes *bytes, const char *where)
{
    TtPinDigest digest;

    if (g_bytes_get_size(bytes) != sizeof digest.bytes)
        tt_fail(where, "the SHA-256 of a PIN does not have 32 bytes");
    memcpy(digest.bytes, g_bytes_get_data(bytes, NULL), sizeof digest.bytes);
    return digest;
}

/* "NAME": the PIN itself, or "NAME_sha256": its hash, so that the process never has the PIN but
 * from its caller. */
static TtPinDigest
read_digest(json_t *token, const char *where, const char *name, const TtPinDigest *fallback)
{
    g_autofree char *hashed_name = g_strconcat(name, "_sha256", NULL);
    g_autoptr(GBytes) hashed = tt_read_hex(token, where, hashed_name);
    const char *plain = tt_read_string(token, where, name, NULL);

    if (hashed)
        return digest_from_bytes(hashed, where);
    if (plain)
        return tt_pin_digest(plain, strlen(plain));
    return *fallback;
}

TtPinRules
tt_pin_parse(json_t *token, const char *where, const char *serial, const char *state_path)
{
    static const char *const styles[] = {
        [TT_PIN_STANDARD] = "standard",
        [TT_PIN_FINAL_ONLY] = "final_only",
        [TT_PIN_LOW_ONLY] = "low_only",
        [TT_PIN_NO_FLAGS] = "no_flags",
        [TT_PIN_INCORRECT_FOR_EVER] = "incorrect_for_ever",
        [TT_PIN_GENERAL_ERROR] = "general_error",
        NULL,
    };
    static const char *const settings[] = {
        [TT_PIN_SETTING_STANDARD] = "standard",
        [TT_PIN_SETTING_LOGGED_IN] = "logged_in",
        [TT_PIN_SETTING_OPENSC] = "opensc",
        [TT_PIN_SETTING_OPENSC_UNBLOCKS] = "opensc_unblocks",
        [TT_PIN_SETTING_OPENSC_INITS] = "opensc_inits",
        NULL,
    };
    const TtPinDigest user = tt_pin_digest("123456", 6);
    const TtPinDigest so = tt_pin_digest("12345678", 8);
    TtPinRules rules = {0};
    gboolean locks;

    rules.style = (TtPinStyle)tt_read_choice(token, where, "pins", styles);
    locks = rules.style != TT_PIN_LOW_ONLY && rules.style != TT_PIN_GENERAL_ERROR;
    rules.user = read_digest(token, where, "pin", &user);
    rules.so = read_digest(token, where, "so_pin", &so);
    rules.context = read_digest(token, where, "context_pin", &rules.user);
    rules.tries = tt_read_integer(token, where, "tries", locks ? 3 : 0);
    rules.so_tries = tt_read_integer(token, where, "so_tries", 3);
    rules.min = tt_read_number(token, where, "min_pin", TT_NAMES_FLAG, 4);
    rules.max = tt_read_number(token, where, "max_pin", TT_NAMES_FLAG, 12);
    rules.digits_only = tt_read_boolean(token, where, "digits_only", FALSE);
    rules.setting = (TtPinSetting)tt_read_choice(token, where, "setting", settings);
    rules.user_set = tt_read_boolean(token, where, "pin_set", TRUE);
    rules.to_be_changed = tt_read_boolean(token, where, "to_be_changed", FALSE);
    rules.key = g_strdup(tt_read_string(token, where, "state_key", serial));
    rules.state_path = state_path;
    return rules;
}

void
tt_pin_clear(TtPinRules *rules)
{
    g_clear_pointer(&rules->key, g_free);
}

static State
state_open(const TtPinRules *rules)
{
    State state = {.path = rules->state_path};
    g_autofree char *text = g_malloc0(STATE_MAX);
    ssize_t length;

    state.fd = open(rules->state_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (state.fd < 0 || flock(state.fd, LOCK_EX) != 0)
        tt_fail(rules->state_path, "%s", g_strerror(errno));
    length = pread(state.fd, text, STATE_MAX, 0);
    if (length < 0)
        tt_fail(rules->state_path, "%s", g_strerror(errno));
    state.file = length > 0 ? json_loadb(text, (size_t)length, 0, NULL) : json_object();
    if (!state.file)
        tt_fail(rules->state_path, "not JSON");
    return state;
}

static void
state_close(State *state)
{
    json_decref(state->file);
    (void)close(state->fd); /* and unlocks */
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(State, state_close)

/* In one write, padded with blanks to one length: a process that is killed leaves the old state or
 * the new one. */
static void
state_save(const State *state)
{
    char *text = json_dumps(state->file, JSON_COMPACT);
    g_autofree char *padded = g_strdup_printf("%-*s\n", STATE_MAX / 2, text);
    gsize length = strlen(padded);

    free(text);
    if (length > STATE_MAX || pwrite(state->fd, padded, length, 0) != (ssize_t)length)
        tt_fail(state->path, "cannot be written: %s", g_strerror(errno));
}

/* A context-specific PIN counts with the user's. */
static const char *
counter_name(CK_USER_TYPE user)
{
    return user == CKU_SO ? "so" : "user";
}

static Counter
counter_get(const State *state, const TtPinRules *rules, CK_USER_TYPE user)
{
    json_t *entry = json_object_get(json_object_get(state->file, rules->key), counter_name(user));
    g_autoptr(GBytes) digest = entry ? tt_read_hex(entry, rules->state_path, "pin_sha256") : NULL;
    Counter counter = {0};

    if (entry)
        counter.wrong = tt_read_integer(entry, rules->state_path, "wrong", 0);
    if (digest) {
        counter.changed = TRUE;
        counter.digest = digest_from_bytes(digest, rules->state_path);
    }
    return counter;
}

static void
counter_set(State *state, const TtPinRules *rules, CK_USER_TYPE user, const Counter *counter)
{
    json_t *token = json_object_get(state->file, rules->key);
    json_t *entry = json_object();
    GString *hex = g_string_new(NULL);

    if (!token) {
        token = json_object();
        json_object_set_new(state->file, rules->key, token);
    }
    json_object_set_new(entry, "wrong", json_integer((json_int_t)counter->wrong));
    for (gsize i = 0; counter->changed && i < sizeof counter->digest.bytes; i++)
        g_string_append_printf(hex, "%02x", counter->digest.bytes[i]);
    if (counter->changed)
        json_object_set_new(entry, "pin_sha256", json_string(hex->str));
    json_object_set_new(token, counter_name(user), entry);
    g_string_free(hex, TRUE);
    state_save(state);
}

static guint64
tries(const TtPinRules *rules, CK_USER_TYPE user)
{
    return user == CKU_SO ? rules->so_tries : rules->tries;
}

static gboolean
is_locked(const TtPinRules *rules, CK_USER_TYPE user, const Counter *counter)
{
    return tries(rules, user) > 0 && counter->wrong >= tries(rules, user);
}

/* The flags of the user; those of the SO are the same, four bits on (PKCS#11 2.40, table 9). */
static CK_FLAGS
counter_flags(const TtPinRules *rules, CK_USER_TYPE user, const Counter *counter)
{
    const gboolean low = rules->style == TT_PIN_STANDARD || rules->style == TT_PIN_LOW_ONLY;
    const gboolean final = rules->style == TT_PIN_STANDARD || rules->style == TT_PIN_FINAL_ONLY ||
                           rules->style == TT_PIN_INCORRECT_FOR_EVER;

    if (rules->style == TT_PIN_INCORRECT_FOR_EVER &&
        !(tried_here && g_hash_table_contains(tried_here, rules->key)))
        return 0;
    if (final && is_locked(rules, user, counter))
        return CKF_USER_PIN_LOCKED;
    return (low && counter->wrong > 0 ? CKF_USER_PIN_COUNT_LOW : 0) |
           (final && counter->wrong + 1 == tries(rules, user) ? CKF_USER_PIN_FINAL_TRY : 0);
}

CK_FLAGS
tt_pin_flags(const TtPinRules *rules)
{
    g_auto(State) state = state_open(rules);
    Counter user = counter_get(&state, rules, CKU_USER);
    Counter so = counter_get(&state, rules, CKU_SO);
    CK_FLAGS flags = counter_flags(rules, CKU_USER, &user) | counter_flags(rules, CKU_SO, &so) << 4;

    if (rules->user_set || user.changed)
        flags |= CKF_USER_PIN_INITIALIZED;
    if (rules->to_be_changed && !user.changed)
        flags |= CKF_USER_PIN_TO_BE_CHANGED;
    return flags;
}

CK_RV
tt_pin_expired(const TtPinRules *rules)
{
    return tt_pin_flags(rules) & CKF_USER_PIN_TO_BE_CHANGED ? CKR_PIN_EXPIRED : CKR_OK;
}

gboolean
tt_pin_is_right(const TtPinRules *rules, CK_USER_TYPE user, const void *pin, gsize length)
{
    g_auto(State) state = state_open(rules);
    Counter counter = counter_get(&state, rules, user);
    TtPinDigest shown = tt_pin_digest(pin, length);
    const TtPinDigest *expected = user == CKU_SO                 ? &rules->so
                                  : user == CKU_CONTEXT_SPECIFIC ? &rules->context
                                                                 : &rules->user;

    if (counter.changed)
        expected = &counter.digest;
    return pin && memcmp(shown.bytes, expected->bytes, sizeof shown.bytes) == 0;
}

static CK_RV
refusal(const TtPinRules *rules, gboolean locked)
{
    if (rules->style == TT_PIN_GENERAL_ERROR)
        return CKR_GENERAL_ERROR;
    if (!locked || rules->style == TT_PIN_INCORRECT_FOR_EVER)
        return CKR_PIN_INCORRECT;
    return CKR_PIN_LOCKED;
}

CK_RV
tt_pin_try(const TtPinRules *rules, CK_USER_TYPE user, gboolean right)
{
    g_auto(State) state = state_open(rules);
    Counter counter = counter_get(&state, rules, user);

    if (user != CKU_SO && !rules->user_set && !counter.changed)
        return CKR_USER_PIN_NOT_INITIALIZED;
    if (!tried_here)
        tried_here = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_hash_table_add(tried_here, g_strdup(rules->key));
    if (is_locked(rules, user, &counter))
        return refusal(rules, TRUE);
    if (!right) {
        counter.wrong++;
        counter_set(&state, rules, user, &counter);
        return refusal(rules, FALSE);
    }
    /* A TPM's counter goes down with time, not with a good login. */
    if (counter.wrong > 0 && rules->style != TT_PIN_NO_FLAGS) {
        counter.wrong = 0;
        counter_set(&state, rules, user, &counter);
    }
    return CKR_OK;
}

CK_RV
tt_pin_set(const TtPinRules *rules, CK_USER_TYPE user, const void *pin, gsize length)
{
    g_auto(State) state = state_open(rules);
    const Counter counter = {.changed = TRUE, .digest = tt_pin_digest(pin, length)};

    if ((rules->min != CK_UNAVAILABLE_INFORMATION && length < rules->min) || length > rules->max)
        return CKR_PIN_LEN_RANGE;
    for (gsize i = 0; rules->digits_only && i < length; i++) {
        if (!g_ascii_isdigit(((const char *)pin)[i]))
            return CKR_PIN_INVALID;
    }
    counter_set(&state, rules, user, &counter);
    return CKR_OK;
}
