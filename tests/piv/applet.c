/* SPDX-License-Identifier: Apache-2.0
 *
 * For the PIV card emulator: the card application. See applet.h.
 */
#include "tests/piv/applet.h"

#include <string.h>

#include "tests/piv/tlv.h"

#define SW_OK 0x9000
#define SW_MORE 0x6100
#define SW_TRIES 0x63c0
#define SW_SECURITY 0x6982
#define SW_BLOCKED 0x6983
#define SW_WRONG_LENGTH 0x6700
#define SW_WRONG_DATA 0x6a80
#define SW_NOT_FOUND 0x6a82
#define SW_NO_REFERENCE 0x6a88
#define SW_NO_INSTRUCTION 0x6d00
#define SW_NO_CLASS 0x6e00

#define CLA_CHAINED 0x10
#define PIN_REFERENCE 0x80
#define PUK_REFERENCE 0x81
#define COMMAND_MAX 4096u /* bytes of a chained command */

enum {
    INS_VERIFY = 0x20,
    INS_CHANGE_REFERENCE_DATA = 0x24,
    INS_RESET_RETRY_COUNTER = 0x2c,
    INS_GENERAL_AUTHENTICATE = 0x87,
    INS_SELECT = 0xa4,
    INS_GET_RESPONSE = 0xc0,
    INS_GET_DATA = 0xcb,
    INS_GET_SERIAL = 0xf8,  /* YubiKey's own */
    INS_GET_VERSION = 0xfd, /* YubiKey's own */
};

struct PivApplet {
    PivPins *pins;
    const PivSlots *slots;
    gboolean selected;
    gboolean verified;    /* the PIN, since it was powered on */
    gboolean fresh;       /* the PIN, in the command before this one */
    GByteArray *chained;  /* data of a chained command so far */
    GByteArray *response; /* what GET RESPONSE has still to fetch */
};

typedef struct Command {
    guint8 cla;
    guint8 ins;
    guint8 p1;
    guint8 p2;
    const guint8 *data;
    gsize length;
    gsize expected; /* bytes of response at most */
} Command;

PivApplet *
piv_applet_new(PivPins *pins, const PivSlots *slots)
{
    PivApplet *applet = g_new0(PivApplet, 1);

    applet->pins = pins;
    applet->slots = slots;
    applet->chained = g_byte_array_new();
    applet->response = g_byte_array_new();
    return applet;
}

void
piv_applet_free(PivApplet *applet)
{
    if (!applet)
        return;
    g_byte_array_unref(applet->chained);
    g_byte_array_unref(applet->response);
    g_free(applet);
}

void
piv_applet_reset(PivApplet *applet)
{
    applet->selected = FALSE;
    applet->verified = FALSE;
    applet->fresh = FALSE;
    g_byte_array_set_size(applet->chained, 0);
    g_byte_array_set_size(applet->response, 0);
}

static gsize
two_bytes(const guint8 *at)
{
    return (gsize)at[0] << 8 | at[1];
}

/* Lengths in extended form (ISO 7816-4, 5.1); at: the three bytes after the header. */
static gboolean
parse_extended(const guint8 *at, gsize left, Command *command)
{
    gsize number = two_bytes(at + 1);

    if (left == 3) {
        command->expected = number ? number : 65536;
        return TRUE;
    }
    if (number == 0 || (left - 3 != number && left - 3 != number + 2))
        return FALSE;
    command->data = at + 3;
    command->length = number;
    if (left - 3 == number + 2) {
        number = two_bytes(at + 3 + command->length);
        command->expected = number ? number : 65536;
    }
    return TRUE;
}

static gboolean
parse(const guint8 *bytes, gsize length, Command *out_command)
{
    Command command = {0};
    const guint8 *at = bytes + 4;
    gsize left;

    if (length < 4)
        return FALSE;
    left = length - 4;
    command.cla = bytes[0];
    command.ins = bytes[1];
    command.p1 = bytes[2];
    command.p2 = bytes[3];
    if (left == 1) {
        command.expected = at[0] ? at[0] : 256;
    } else if (left >= 3 && at[0] == 0) {
        if (!parse_extended(at, left, &command))
            return FALSE;
    } else if (left > 1) {
        if (at[0] == 0 || (left - 1 != at[0] && left - 1 != (gsize)at[0] + 1))
            return FALSE;
        command.data = at + 1;
        command.length = at[0];
        if (left - 1 == (gsize)at[0] + 1)
            command.expected = at[left - 1] ? at[left - 1] : 256;
    }
    *out_command = command;
    return TRUE;
}

static guint
select_application(PivApplet *applet, const Command *command)
{
    /* The NIST RID and the PIV PIX, with or without the version. */
    static const guint8 aid[] = {0xa0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00};
    g_autoptr(GByteArray) template = g_byte_array_new();
    g_autoptr(GByteArray) authority = g_byte_array_new();

    if (command->p1 != 0x04 || command->length < 5 || command->length > sizeof aid ||
        memcmp(command->data, aid, command->length) != 0)
        return SW_NOT_FOUND;
    applet->selected = TRUE;
    piv_tlv_append(authority, 0x4f, aid, 5);
    piv_tlv_append(template, 0x4f, aid + 5, sizeof aid - 5);
    piv_tlv_append(template, 0x79, authority->data, authority->len);
    piv_tlv_append(applet->response, 0x61, template->data, template->len);
    return SW_OK;
}

static guint
get_data(PivApplet *applet, const Command *command)
{
    const guint8 *name = NULL;
    gsize length = 0;
    guint32 tag = 0;
    g_autoptr(GByteArray) object = NULL;

    if (command->p1 != 0x3f || command->p2 != 0xff ||
        !piv_tlv_find(command->data, command->length, 0x5c, &name, &length) || length == 0 ||
        length > 3)
        return SW_WRONG_DATA;
    for (gsize i = 0; i < length; i++)
        tag = tag << 8 | name[i];
    object = piv_slots_object(applet->slots, tag);
    if (!object)
        return SW_NOT_FOUND;
    g_byte_array_append(applet->response, object->data, object->len);
    return SW_OK;
}

static guint
tries_left(const PivApplet *applet, PivSecret which)
{
    guint tries = piv_pins_tries(applet->pins, which);

    return tries > 0 ? SW_TRIES | tries : SW_BLOCKED;
}

/* One try of a PIN or PUK. The last wrong one answers 63C0, and only those after it "blocked"
 * (SP 800-73-4 part 2, 3.2.1). */
static guint
try_secret(PivApplet *applet, PivSecret which, const guint8 *padded)
{
    if (piv_pins_tries(applet->pins, which) == 0)
        return SW_BLOCKED;
    if (piv_pins_try(applet->pins, which, padded))
        return SW_OK;
    if (which == PIV_SECRET_PIN)
        applet->verified = FALSE;
    return SW_TRIES | piv_pins_tries(applet->pins, which);
}

static guint
verify(PivApplet *applet, const Command *command)
{
    guint status;

    if (command->p2 != PIN_REFERENCE)
        return SW_NO_REFERENCE;
    if (command->p1 == 0xff && command->length == 0) {
        applet->verified = FALSE;
        return SW_OK;
    }
    if (command->p1 != 0x00)
        return SW_WRONG_DATA;
    if (command->length == 0)
        return applet->verified ? SW_OK : tries_left(applet, PIV_SECRET_PIN);
    if (command->length != PIV_PIN_SIZE)
        return SW_WRONG_DATA;
    status = try_secret(applet, PIV_SECRET_PIN, command->data);
    if (status == SW_OK)
        applet->verified = applet->fresh = TRUE;
    return status;
}

/* Both of CHANGE REFERENCE DATA and RESET RETRY COUNTER: what is shown, and what becomes of it. */
static guint
replace(PivApplet *applet, const Command *command, PivSecret shown, PivSecret replaced)
{
    guint status;

    if (command->p1 != 0x00 || command->length != 2 * PIV_PIN_SIZE)
        return SW_WRONG_DATA;
    status = try_secret(applet, shown, command->data);
    if (status != SW_OK)
        return status;
    return piv_pins_set(applet->pins, replaced, command->data + PIV_PIN_SIZE) ? SW_OK
                                                                              : SW_WRONG_DATA;
}

static guint
change_reference_data(PivApplet *applet, const Command *command)
{
    if (command->p2 == PIN_REFERENCE)
        return replace(applet, command, PIV_SECRET_PIN, PIV_SECRET_PIN);
    if (command->p2 == PUK_REFERENCE)
        return replace(applet, command, PIV_SECRET_PUK, PIV_SECRET_PUK);
    return SW_NO_REFERENCE;
}

static guint
reset_retry_counter(PivApplet *applet, const Command *command)
{
    if (command->p2 != PIN_REFERENCE)
        return SW_NO_REFERENCE;
    return replace(applet, command, PIV_SECRET_PUK, PIV_SECRET_PIN);
}

static guint
general_authenticate(PivApplet *applet, const Command *command, gboolean fresh)
{
    PivPinPolicy policy = piv_slots_policy(command->p2);
    const guint8 *template = NULL;
    const guint8 *input = NULL;
    gsize template_length = 0;
    gsize length = 0;
    g_autoptr(GByteArray) signature = NULL;
    g_autoptr(GByteArray) answer = g_byte_array_new();

    if (!piv_slots_has_key(applet->slots, command->p2))
        return SW_NO_REFERENCE;
    if ((policy == PIV_PIN_ONCE && !applet->verified) || (policy == PIV_PIN_ALWAYS && !fresh))
        return SW_SECURITY;
    if (!piv_tlv_find(command->data, command->length, 0x7c, &template, &template_length) ||
        !piv_tlv_find(template, template_length, 0x81, &input, &length) ||
        !piv_slots_sign(applet->slots, command->p2, command->p1, input, length, &signature))
        return SW_WRONG_DATA;
    piv_tlv_append(answer, 0x82, signature->data, signature->len);
    piv_tlv_append(applet->response, 0x7c, answer->data, answer->len);
    return SW_OK;
}

static guint
execute(PivApplet *applet, const Command *command)
{
    gboolean fresh = applet->fresh;

    applet->fresh = FALSE;
    if (command->ins == INS_SELECT)
        return select_application(applet, command);
    if (!applet->selected)
        return SW_NO_INSTRUCTION;
    switch (command->ins) {
    case INS_VERIFY:
        return verify(applet, command);
    case INS_CHANGE_REFERENCE_DATA:
        return change_reference_data(applet, command);
    case INS_RESET_RETRY_COUNTER:
        return reset_retry_counter(applet, command);
    case INS_GENERAL_AUTHENTICATE:
        return general_authenticate(applet, command, fresh);
    case INS_GET_DATA:
        return get_data(applet, command);
    case INS_GET_SERIAL:
        g_byte_array_append(applet->response, (const guint8 *)"\x00\xbc\x61\x4e", 4);
        return SW_OK;
    case INS_GET_VERSION:
        g_byte_array_append(applet->response, (const guint8 *)"\x05\x04\x03", 3);
        return SW_OK;
    default:
        return SW_NO_INSTRUCTION;
    }
}

static GByteArray *
status_only(guint status)
{
    const guint8 word[] = {(guint8)(status >> 8), (guint8)status};

    return g_byte_array_append(g_byte_array_new(), word, sizeof word);
}

/* As much of the response as was asked for; 61xx says that there is more. */
static GByteArray *
respond(PivApplet *applet, gsize expected)
{
    GByteArray *out = g_byte_array_new();
    gsize size = MIN(applet->response->len, expected ? expected : 256);
    gsize left;
    guint8 word[2] = {SW_OK >> 8, 0};

    if (size > 0) {
        g_byte_array_append(out, applet->response->data, (guint)size);
        g_byte_array_remove_range(applet->response, 0, (guint)size);
    }
    left = applet->response->len;
    if (left > 0) {
        word[0] = SW_MORE >> 8;
        word[1] = (guint8)MIN(left, 0xff);
    }
    return g_byte_array_append(out, word, sizeof word);
}

static GByteArray *
answer_whole(PivApplet *applet, Command *command)
{
    guint status;

    if (applet->chained->len > 0) {
        g_byte_array_append(applet->chained, command->data, (guint)command->length);
        command->data = applet->chained->data;
        command->length = applet->chained->len;
    }
    status = execute(applet, command);
    g_byte_array_set_size(applet->chained, 0);
    return status == SW_OK ? respond(applet, command->expected) : status_only(status);
}

GByteArray *
piv_applet_answer(PivApplet *applet, const guint8 *bytes, gsize length)
{
    Command command = {0};

    if (!parse(bytes, length, &command))
        return status_only(SW_WRONG_LENGTH);
    if ((command.cla & ~CLA_CHAINED) != 0)
        return status_only(SW_NO_CLASS);
    if (command.ins == INS_GET_RESPONSE)
        return applet->response->len > 0 ? respond(applet, command.expected)
                                         : status_only(SW_WRONG_DATA);
    g_byte_array_set_size(applet->response, 0);
    if (!(command.cla & CLA_CHAINED))
        return answer_whole(applet, &command);
    if (command.length == 0 || command.length > COMMAND_MAX - applet->chained->len) {
        g_byte_array_set_size(applet->chained, 0);
        return status_only(SW_WRONG_LENGTH);
    }
    g_byte_array_append(applet->chained, command.data, (guint)command.length);
    return status_only(SW_OK);
}
