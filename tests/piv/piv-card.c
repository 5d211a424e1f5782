/* SPDX-License-Identifier: Apache-2.0
 *
 * piv-card: a PIV smart card in software for tests, in the virtual reader of vsmartcard-vpcd. It is
 * told on standard input what happens to the card, and ends with it. Its keys are files; it
 * protects nothing. One thread.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/piv/applet.h"
#include "tests/piv/link.h"

#define EXIT_USAGE 2
#define CONNECT_MS 20 /* between two tries to reach the reader */

static const char help[] =
    "Usage: piv-card --port N --state FILE [--serial N] [--slot SLOT=CERTIFICATE[,KEY]]...\n"
    "\n"
    "A PIV card for tests, in the virtual reader of vsmartcard-vpcd. The reader's configuration "
    "for\n"
    "pcscd (a file for pcscd --config) is\n"
    "\n"
    "    FRIENDLYNAME \"Virtual PCD\"\n"
    "    DEVICENAME   /dev/null:0xN        (the port, in hexadecimal)\n"
    "    LIBPATH      /usr/lib/pcsc/drivers/serial/libifdvpcd.so\n"
    "    CHANNELID    0xN\n"
    "\n"
    "  --port N        the port, in decimal, of the reader on 127.0.0.1\n"
    "  --state FILE    PIN, PUK and their tries; made when missing (123456, 12345678, 5 tries)\n"
    "  --serial N      a number that tells the card from others (default 1)\n"
    "  --slot SLOT=CERTIFICATE[,KEY]\n"
    "                  PEM files for slot 9A, 9C (PIN before each signature), 9D, 9E (no PIN) or "
    "82 to\n"
    "                  95; RSA-2048, P-256 or P-384. Without KEY only the certificate, as for "
    "issuers\n"
    "  --help          this text\n"
    "\n"
    "Commands, one a line on standard input, each answered by \"ok\" or \"error ...\". The card is "
    "out\n"
    "at the start.\n"
    "\n"
    "  insert [KIND]   yubikey (default): with the ATR of a YubiKey 5, so that OpenSC 0.23 does "
    "ECDSA\n"
    "                  piv: the same application with an ATR that nobody knows\n"
    "                  other: a card of another kind, which knows no PIV\n"
    "                  mute: one that does not answer when it is powered\n"
    "  remove          takes it out\n"
    "  remove-at INS   takes it out when a command with this instruction byte (hexadecimal) "
    "comes,\n"
    "                  without an answer: 87 is the signature, after the PIN\n"
    "  tries N         gives the PIN N tries\n"
    "  puk-tries N     gives the PUK N tries\n"
    "  count INS       \"ok N\": how many commands with this instruction byte have come; a PIN, "
    "20, is\n"
    "                  counted only when there was one in it\n";

typedef struct Kind {
    const char *name;
    const char *atr; /* hexadecimal */
    gboolean piv;
    gboolean mute;
} Kind;

static const Kind kinds[] = {
    {"yubikey", "3bfd1300008131fe158073c021c057597562694b657940", TRUE, FALSE},
    {"piv", "3b858001544350563124", TRUE, FALSE},
    {"other", "3b858001544f54485251", FALSE, FALSE},
    {"mute", "3b858001544f54485251", FALSE, TRUE},
};

typedef struct Card {
    PivPins *pins;
    PivSlots *slots;
    PivApplet *applet;
    PivLink *link;
    const Kind *kind; /* NULL: out */
    gboolean powered;
    int remove_at;     /* an instruction; -1: none */
    guint counts[256]; /* by instruction */
} Card;

static void
send_atr(Card *card)
{
    g_autoptr(GByteArray) atr = g_byte_array_new();

    if (card->kind->mute && card->powered) {
        piv_link_drop(card->link); /* vpcd waits for ever for the bytes of an empty ATR */
        return;
    }
    for (const char *at = card->kind->atr; *at; at += 2) {
        guint8 byte = (guint8)(g_ascii_xdigit_value(at[0]) << 4 | g_ascii_xdigit_value(at[1]));

        g_byte_array_append(atr, &byte, 1);
    }
    piv_link_send(card->link, atr->data, atr->len);
}

static void
take_out(Card *card)
{
    card->kind = NULL;
    card->powered = FALSE;
    card->remove_at = -1;
    piv_applet_reset(card->applet);
    piv_link_drop(card->link);
}

static void
on_control(Card *card, guint8 control)
{
    switch (control) {
    case PIV_LINK_OFF:
    case PIV_LINK_ON:
    case PIV_LINK_RESET:
        card->powered = control != PIV_LINK_OFF;
        piv_applet_reset(card->applet);
        break;
    case PIV_LINK_ATR:
        send_atr(card);
        break;
    default:
        break;
    }
}

static void
on_command(Card *card, const GByteArray *command)
{
    g_autoptr(GByteArray) answer = NULL;
    guint8 ins = command->len >= 4 ? command->data[1] : 0;
    gboolean whole = command->len >= 4 && !(command->data[0] & 0x10); /* the last of a chain */

    if (whole && (ins != 0x20 || command->len > 5))
        card->counts[ins]++;
    if (card->remove_at == ins) {
        take_out(card);
        return;
    }
    if (card->kind->piv)
        answer = piv_applet_answer(card->applet, command->data, command->len);
    else
        answer = g_byte_array_append(g_byte_array_new(), (const guint8 *)"\x6d\x00", 2);
    piv_link_send(card->link, answer->data, answer->len);
}

static void
on_reader(Card *card)
{
    piv_link_read(card->link);
    while (card->kind) {
        g_autoptr(GByteArray) message = piv_link_next(card->link);

        if (!message)
            return;
        if (message->len == 1)
            on_control(card, message->data[0]);
        else if (message->len > 1)
            on_command(card, message);
    }
}

static const char *
insert(Card *card, const char *name)
{
    if (card->kind)
        return "error the card is in already";
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(kinds[i].name, name ? name : "yubikey") == 0)
            card->kind = &kinds[i];
    }
    return card->kind ? "ok" : "error there is no such kind of card; see --help";
}

static gboolean
parse_number(const char *text, guint base, guint64 max, guint64 *out_number)
{
    return text && g_ascii_string_to_unsigned(text, base, 0, max, out_number, NULL);
}

/* FALSE: there is no such command, or its argument is not one. */
static gboolean
obey_with_number(Card *card, const char *verb, const char *argument)
{
    guint64 number = 0;

    if (strcmp(verb, "remove-at") == 0 && parse_number(argument, 16, 0xff, &number)) {
        card->remove_at = (int)number;
    } else if (strcmp(verb, "tries") == 0 && parse_number(argument, 10, PIV_TRIES, &number)) {
        piv_pins_set_tries(card->pins, PIV_SECRET_PIN, (guint)number);
    } else if (strcmp(verb, "puk-tries") == 0 && parse_number(argument, 10, PIV_TRIES, &number)) {
        piv_pins_set_tries(card->pins, PIV_SECRET_PUK, (guint)number);
    } else if (strcmp(verb, "count") == 0 && parse_number(argument, 16, 0xff, &number)) {
        printf("ok %u\n", card->counts[number]);
        return TRUE;
    } else {
        return FALSE;
    }
    puts("ok");
    return TRUE;
}

static void
obey(Card *card, const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", 2);

    if (!words[0])
        return;
    if (strcmp(words[0], "insert") == 0) {
        puts(insert(card, words[1]));
    } else if (strcmp(line, "remove") == 0) {
        take_out(card);
        puts("ok");
    } else if (!obey_with_number(card, words[0], words[1])) {
        puts("error not a command, or not with this; see --help");
    }
}

/* FALSE at the end of standard input. */
static gboolean
on_standard_input(Card *card, GString *pending)
{
    char buffer[512];
    ssize_t count = read(STDIN_FILENO, buffer, sizeof buffer);
    char *newline;

    if (count <= 0)
        return FALSE;
    g_string_append_len(pending, buffer, count);
    while ((newline = strchr(pending->str, '\n'))) {
        *newline = '\0';
        obey(card, pending->str);
        g_string_erase(pending, 0, newline - pending->str + 1);
    }
    return TRUE;
}

static int
serve(Card *card)
{
    g_autoptr(GString) pending = g_string_new(NULL);

    for (;;) {
        struct pollfd poll_fds[2];

        if (card->kind && piv_link_fd(card->link) < 0) {
            card->powered = FALSE;
            piv_link_connect(card->link);
        }
        poll_fds[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
        poll_fds[1] = (struct pollfd){.fd = piv_link_fd(card->link), .events = POLLIN};
        if (poll(poll_fds, G_N_ELEMENTS(poll_fds),
                 card->kind && poll_fds[1].fd < 0 ? CONNECT_MS : -1) < 0 &&
            errno != EINTR)
            return EXIT_FAILURE;
        if (poll_fds[1].revents)
            on_reader(card);
        if (poll_fds[0].revents && !on_standard_input(card, pending))
            return EXIT_SUCCESS;
        (void)fflush(stdout);
    }
}

static gboolean
fill_slot(PivSlots *slots, const char *text, GError **error)
{
    g_auto(GStrv) halves = g_strsplit(text, "=", 2);
    g_auto(GStrv) files = halves[0] && halves[1] ? g_strsplit(halves[1], ",", 2) : NULL;
    guint64 reference = 0;

    if (!files || !files[0] || !parse_number(halves[0], 16, 0xff, &reference)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "%s is not SLOT=CERTIFICATE[,KEY]", text);
        return FALSE;
    }
    return piv_slots_fill(slots, (guint)reference, files[0], files[1], error);
}

static gboolean
set_number(const char *option, const char *value, guint64 *out_serial, guint64 *out_port)
{
    if (strcmp(option, "--serial") == 0)
        return parse_number(value, 10, G_MAXUINT32, out_serial);
    return strcmp(option, "--port") == 0 && parse_number(value, 10, G_MAXUINT16, out_port);
}

static gboolean
set_up(Card *card, int argc, char **argv, GError **error)
{
    const char *state = NULL;
    guint64 serial = 1;
    guint64 port = 0;
    int first_slot = 0;

    for (int i = 1; i < argc; i += 2) {
        if (i + 1 < argc && strcmp(argv[i], "--state") == 0) {
            state = argv[i + 1];
        } else if (i + 1 < argc && strcmp(argv[i], "--slot") == 0) {
            first_slot = first_slot ? first_slot : i;
        } else if (i + 1 >= argc || !set_number(argv[i], argv[i + 1], &serial, &port)) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION,
                        "%s: not an option, or not with this value; see --help", argv[i]);
            return FALSE;
        }
    }
    if (!state || port == 0) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                    "--port or --state is missing; see --help");
        return FALSE;
    }
    card->slots = piv_slots_new((guint32)serial);
    for (int i = first_slot; i > 0 && i < argc; i += 2) {
        if (strcmp(argv[i], "--slot") == 0 && !fill_slot(card->slots, argv[i + 1], error))
            return FALSE;
    }
    card->pins = piv_pins_new(state, error);
    card->link = piv_link_new((guint16)port);
    return card->pins != NULL;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    Card card = {.remove_at = -1};
    int status = EXIT_USAGE;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)fputs(help, stdout);
        return EXIT_SUCCESS;
    }
    if (set_up(&card, argc, argv, &error)) {
        card.applet = piv_applet_new(card.pins, card.slots);
        status = serve(&card);
    } else {
        (void)fprintf(stderr, "piv-card: %s\n", error->message);
    }
    piv_applet_free(card.applet);
    piv_link_free(card.link);
    piv_pins_free(card.pins);
    piv_slots_free(card.slots);
    return status;
}
