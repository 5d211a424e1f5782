/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows screens through a pinentry program; see the header.
 */
#include "host/prompt/pinentry/pinentry.h"

#include <locale.h>
#include <string.h>

#include <glib/gi18n.h>

#include "host/common/fault.h"
#include "host/common/log.h"
#include "host/prompt/pinentry/assuan.h"
#include "host/prompt/pinentry/program.h"
#include "host/prompt/pinentry/terminal.h"

#define STEP_TIMEOUT_US                                                                            \
    ((gint64)5 * G_USEC_PER_SEC)      /* for everything that no person has to answer */
#define HASTY_US (G_USEC_PER_SEC / 2) /* a time-out sooner than this is a fault, not a person */

typedef enum Phase {
    PHASE_NONE,     /* no process */
    PHASE_GREETING, /* started, has not said OK yet */
    PHASE_FLAVOUR,  /* was asked what it is */
    PHASE_IDLE,
    PHASE_SETTING, /* a preparing command is out */
    PHASE_SHOWING, /* the command that shows the screen is out */
} Phase;

typedef struct Line {
    const char *command; /* static */
    char *text;          /* NULL: none */
} Line;

struct TbPinentry {
    GStrv programs;
    guint program; /* index of the one in use */
    TbTerminal *terminal;
    GString *failures; /* a sentence for each program that failed */
    gboolean announced;

    Phase phase;
    pid_t pid;
    TbAssuan *assuan;
    gboolean text_kind; /* it draws on the terminal */
    gint64 since;       /* when the last command went out */

    GPtrArray *lines; /* Line*: the whole screen, so that the next program can show it too; NULL */
    guint next_line;
    TbSecret *data;
};

static void
line_free(Line *line)
{
    g_free(line->text);
    g_free(line);
}

static void
stop(TbPinentry *pinentry)
{
    if (pinentry->phase == PHASE_NONE)
        return;
    gboolean drawing = pinentry->phase == PHASE_SHOWING && pinentry->text_kind;
    pinentry->phase = PHASE_NONE;
    tb_program_kill(pinentry->pid);
    g_clear_pointer(&pinentry->assuan, tb_assuan_free);
    tb_secret_clear(pinentry->data);
    if (drawing)
        tb_terminal_restore(pinentry->terminal);
}

static gboolean
start(TbPinentry *pinentry, gint64 now, GError **error)
{
    TbProgram started = {0};

    if (!tb_program_spawn(pinentry->programs[pinentry->program], &started, error))
        return FALSE;
    pinentry->pid = started.pid;
    pinentry->assuan = tb_assuan_new(started.read_fd, started.write_fd);
    pinentry->phase = PHASE_GREETING;
    pinentry->text_kind = FALSE;
    pinentry->since = now;
    pinentry->next_line = 0;
    if (pinentry->assuan == NULL) {
        stop(pinentry);
        return tb_fault(error, TB_REASON_INTERNAL, "The secure memory for PINs is full.");
    }
    return TRUE;
}

/* Goes on with the next program that starts; FALSE when there is none left. */
static gboolean
next_program(TbPinentry *pinentry, const GError *why, gint64 now)
{
    g_autoptr(GError) reason = g_error_copy(why);

    for (;;) {
        const char *name = pinentry->programs[pinentry->program];
        stop(pinentry);
        tb_log(TB_LOG_WARNING, "pinentry-failed", "program=%s why=\"%s\"", name, reason->message);
        g_string_append_printf(pinentry->failures, " %s: %s", name, reason->message);
        pinentry->program++;
        if (pinentry->programs[pinentry->program] == NULL)
            return FALSE;
        g_clear_error(&reason);
        if (start(pinentry, now, &reason))
            return TRUE;
    }
}

TbPinentry *
tb_pinentry_new(const char *const *programs, gint64 now)
{
    TbSecret *data = tb_secret_new(TB_PIN_MAX);
    if (data == NULL)
        return NULL;
    TbPinentry *pinentry = g_new0(TbPinentry, 1);
    pinentry->data = data;
    pinentry->programs = g_strdupv((char **)(guintptr)programs);
    pinentry->terminal = tb_terminal_find();
    pinentry->failures = g_string_new(NULL);
    g_autoptr(GError) why = NULL;
    if (pinentry->programs[0] != NULL && !start(pinentry, now, &why))
        next_program(pinentry, why, now); /* step() tells when none is left */
    return pinentry;
}

void
tb_pinentry_free(TbPinentry *pinentry)
{
    if (pinentry == NULL)
        return;
    stop(pinentry);
    g_strfreev(pinentry->programs);
    g_clear_pointer(&pinentry->terminal, tb_terminal_free);
    g_string_free(pinentry->failures, TRUE);
    g_clear_pointer(&pinentry->lines, g_ptr_array_unref);
    tb_secret_free(pinentry->data);
    g_free(pinentry);
}

int
tb_pinentry_get_fd(const TbPinentry *pinentry)
{
    return pinentry->assuan != NULL ? tb_assuan_get_fd(pinentry->assuan) : -1;
}

static gboolean
waits_for_program(const TbPinentry *pinentry)
{
    return pinentry->phase == PHASE_GREETING || pinentry->phase == PHASE_FLAVOUR ||
           pinentry->phase == PHASE_SETTING;
}

gint64
tb_pinentry_get_deadline(const TbPinentry *pinentry)
{
    return waits_for_program(pinentry) ? pinentry->since + STEP_TIMEOUT_US : -1;
}

static void
add(TbPinentry *pinentry, const char *command, const char *text)
{
    Line *line = g_new0(Line, 1);
    line->command = command;
    line->text = g_strdup(text);
    g_ptr_array_add(pinentry->lines, line);
}

static void
add_option(TbPinentry *pinentry, const char *name, const char *value)
{
    if (value == NULL)
        return;
    g_autofree char *text = g_strdup_printf("%s=%s", name, value);
    add(pinentry, "OPTION", text);
}

static void
add_optional(TbPinentry *pinentry, const char *command, const char *text)
{
    if (text != NULL)
        add(pinentry, command, text);
}

static const char *
show_command(TbScreenKind kind)
{
    switch (kind) {
    case TB_SCREEN_WAIT:
        return "CONFIRM --one-button";
    case TB_SCREEN_CONFIRM:
        return "CONFIRM";
    case TB_SCREEN_PIN:
        return "GETPIN";
    case TB_SCREEN_END:
        return "MESSAGE";
    }
    return "MESSAGE";
}

/* RESET makes a used program like new, so no text of the last screen stays on this one. */
static void
compose(TbPinentry *pinentry, const TbScreen *screen)
{
    const char *ctype = setlocale(LC_CTYPE, NULL);

    add(pinentry, "RESET", NULL);
    add_option(pinentry, "lc-ctype",
               ctype == NULL || strcmp(ctype, "C") == 0 || strcmp(ctype, "POSIX") == 0 ? "C.UTF-8"
                                                                                       : ctype);
    add_option(pinentry, "lc-messages", setlocale(LC_MESSAGES, NULL));
    if (pinentry->terminal != NULL) {
        add_option(pinentry, "ttyname", tb_terminal_path(pinentry->terminal));
        add_option(pinentry, "ttytype", g_getenv("TERM"));
    }
    /* Translators: buttons of the PIN dialog; the letter after _ is the key that presses it. */
    add_option(pinentry, "default-ok", _("_OK"));
    add_option(pinentry, "default-cancel", _("_Cancel"));
    /* The host keeps the time; pinentry's own limit would end the dialog sooner. */
    add(pinentry, "SETTIMEOUT", "0");
    add(pinentry, "SETTITLE", screen->title);
    add(pinentry, "SETDESC", screen->description);
    if (screen->kind == TB_SCREEN_PIN)
        add(pinentry, "SETPROMPT", screen->prompt);
    add_optional(pinentry, "SETERROR", screen->error);
    add(pinentry, "SETOK", screen->ok);
    add_optional(pinentry, "SETNOTOK", screen->not_ok);
    add_optional(pinentry, "SETCANCEL", screen->cancel);
    add(pinentry, show_command(screen->kind), NULL);
}

void
tb_pinentry_show(TbPinentry *pinentry, const TbScreen *screen, gint64 now)
{
    if (pinentry->phase == PHASE_SETTING || pinentry->phase == PHASE_SHOWING)
        stop(pinentry);
    g_clear_pointer(&pinentry->lines, g_ptr_array_unref);
    pinentry->next_line = 0;
    if (screen == NULL)
        return;
    pinentry->lines = g_ptr_array_new_with_free_func((GDestroyNotify)line_free);
    compose(pinentry, screen);
    g_autoptr(GError) why = NULL;
    if (pinentry->phase == PHASE_NONE && pinentry->programs[pinentry->program] != NULL &&
        !start(pinentry, now, &why))
        next_program(pinentry, why, now);
}

static gboolean
send_next(TbPinentry *pinentry, gint64 now, GError **error)
{
    const Line *line = g_ptr_array_index(pinentry->lines, pinentry->next_line);

    if (!tb_assuan_send(pinentry->assuan, line->command, line->text, error))
        return FALSE;
    pinentry->next_line++;
    pinentry->since = now;
    pinentry->phase = pinentry->next_line == pinentry->lines->len ? PHASE_SHOWING : PHASE_SETTING;
    return TRUE;
}

static gboolean
needs_terminal(const char *flavour)
{
    return g_str_equal(flavour, "curses") || g_str_equal(flavour, "tty") ||
           g_str_has_suffix(flavour, ":curses") || g_str_has_suffix(flavour, ":tty");
}

/* The answer to GETINFO flavor, for example "gtk2", or "gnome3:curses" for a fallback. */
static gboolean
take_flavour(TbPinentry *pinentry, TbAssuanReply reply, GError **error)
{
    const char *flavour = reply == TB_ASSUAN_OK ? (const char *)tb_secret_data(pinentry->data) : "";

    pinentry->text_kind = needs_terminal(flavour);
    tb_secret_clear(pinentry->data);
    if (pinentry->text_kind && pinentry->terminal == NULL)
        return tb_fault(error, TB_REASON_INTERNAL,
                        "It finds no display, and there is no terminal for it.");
    return TRUE;
}

/* The reply to the command that shows the screen. */
static gboolean
take_answer(TbPinentry *pinentry, TbAssuanReply reply, guint code, gint64 now, TbAnswer *out_answer,
            GError **error)
{
    pinentry->phase = PHASE_IDLE;
    if (reply == TB_ASSUAN_OK || reply == TB_ASSUAN_TOO_LONG) {
        *out_answer = reply == TB_ASSUAN_OK ? TB_ANSWER_OK : TB_ANSWER_TOO_LONG;
        return TRUE;
    }
    switch (TB_ASSUAN_CODE(code)) {
    case TB_ASSUAN_CANCELLED:
    case TB_ASSUAN_FULLY_CANCELLED:
        *out_answer = TB_ANSWER_CANCEL;
        return TRUE;
    case TB_ASSUAN_NOT_CONFIRMED:
        *out_answer = TB_ANSWER_NOT_OK;
        return TRUE;
    case TB_ASSUAN_TIMEOUT:
        if (now - pinentry->since >= HASTY_US) {
            *out_answer = TB_ANSWER_TIMEOUT;
            return TRUE;
        }
        break;
    default:
        break;
    }
    return tb_fault(error, TB_REASON_INTERNAL, "It cannot show a dialog (error %u).", code);
}

/* One reply of the program. Sets *out_event; FALSE when the program is of no use. */
static gboolean
take_reply(TbPinentry *pinentry, TbAssuanReply reply, guint code, gint64 now,
           TbPinentryEvent *out_event, TbAnswer *out_answer, GError **error)
{
    switch (pinentry->phase) {
    case PHASE_GREETING:
        if (reply != TB_ASSUAN_OK)
            return tb_fault(error, TB_REASON_INTERNAL, "It does not start (error %u).", code);
        pinentry->phase = PHASE_FLAVOUR;
        pinentry->since = now;
        return tb_assuan_send(pinentry->assuan, "GETINFO", "flavor", error);
    case PHASE_FLAVOUR:
        if (!take_flavour(pinentry, reply, error))
            return FALSE;
        pinentry->phase = PHASE_IDLE;
        if (!pinentry->announced)
            *out_event = TB_PINENTRY_READY;
        pinentry->announced = TRUE;
        return TRUE;
    case PHASE_SETTING: /* programs may lack an option; the screen is shown all the same */
        tb_secret_clear(pinentry->data);
        pinentry->phase = PHASE_IDLE;
        return TRUE;
    case PHASE_SHOWING:
        if (!take_answer(pinentry, reply, code, now, out_answer, error))
            return FALSE;
        g_clear_pointer(&pinentry->lines, g_ptr_array_unref);
        *out_event = TB_PINENTRY_ANSWER;
        return TRUE;
    case PHASE_NONE:
    case PHASE_IDLE:
        break;
    }
    return tb_fault(error, TB_REASON_INTERNAL, "It answers what was not asked.");
}

/* Does one thing. *out_again: there may be more to do. FALSE: the program is of no use. */
static gboolean
advance(TbPinentry *pinentry, gint64 now, gboolean *out_again, TbPinentryEvent *out_event,
        TbAnswer *out_answer, GError **error)
{
    guint code = 0;
    TbAssuanReply reply = tb_assuan_receive(pinentry->assuan, pinentry->data, &code, error);

    *out_again = TRUE;
    if (reply == TB_ASSUAN_BROKEN)
        return FALSE;
    if (reply != TB_ASSUAN_NOTHING)
        return take_reply(pinentry, reply, code, now, out_event, out_answer, error);
    if (pinentry->phase == PHASE_IDLE && pinentry->lines != NULL)
        return send_next(pinentry, now, error);
    *out_again = FALSE;
    if (waits_for_program(pinentry) && now - pinentry->since >= STEP_TIMEOUT_US)
        return tb_fault(error, TB_REASON_INTERNAL, "It does not answer.");
    return TRUE;
}

TbPinentryEvent
tb_pinentry_step(TbPinentry *pinentry, gint64 now, TbAnswer *out_answer, GError **error)
{
    TbPinentryEvent event = TB_PINENTRY_NOTHING;
    gboolean again = TRUE;

    while (event == TB_PINENTRY_NOTHING && again && pinentry->phase != PHASE_NONE) {
        g_autoptr(GError) why = NULL;
        if (!advance(pinentry, now, &again, &event, out_answer, &why)) {
            again = TRUE;
            next_program(pinentry, why, now);
        }
    }
    if (pinentry->programs[pinentry->program] == NULL) {
        tb_fault(error, TB_REASON_INTERNAL,
                 "No PIN dialog can be shown.%s Install pinentry-qt or pinentry-gtk2, or name a "
                 "pinentry program in tokenbridge.conf ([prompt] pinentry=).",
                 pinentry->failures->str);
        return TB_PINENTRY_FAILED;
    }
    return event;
}

TbSecret *
tb_pinentry_take_pin(TbPinentry *pinentry)
{
    TbSecret *pin = NULL;
    if (tb_secret_length(pinentry->data) > 0 && (pin = tb_secret_new(TB_PIN_MAX)) != NULL) {
        TbSecret *empty = pin;
        pin = pinentry->data;
        pinentry->data = empty;
    }
    tb_secret_clear(pinentry->data);
    return pin;
}
