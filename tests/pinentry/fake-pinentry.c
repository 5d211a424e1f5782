/* SPDX-License-Identifier: Apache-2.0
 *
 * A pinentry for tests and the bench: answers by a script and records what it was asked. It starts
 * in under a millisecond. Options come from the command line, or else from the file
 * "fake-pinentry.options" beside argv[0] (a link will do), or else from the environment's
 * FAKE_PINENTRY: words between white space, the same in all three places. Test code only: it trusts
 * its input. PINs here are test PINs.
 *
 *   --pin P          answers each GETPIN with P (default 1234)
 *   --pins A,B,C     the first GETPIN gets A, the next B; the last one is repeated. With --record,
 *                    those of earlier processes count too
 *   --record FILE    appends each command, and "ANSWER ..." for each dialog (never the PIN)
 *   --choose N       presses "next" on CONFIRM until the Nth, then "ok" (default 1)
 *   --delay MS       waits so long before it answers a dialog
 *   --cancel-at D    presses Cancel on dialog D: GETPIN, CONFIRM, MESSAGE or WAIT (CONFIRM with one
 * button)
 *   --timeout-at D   says that the time is over, once, after 600 ms
 *   --hang-at D      shows dialog D and never answers it
 *   --die-at C       ends without an answer at command C (or at START)
 *   --error-at C=N   answers command C with error number N
 *   --garbage-at C   answers command C with something that is no Assuan
 *   --flavor F       what GETINFO flavor says (default fake)
 *   --press-wait     presses the button of WAIT dialogs; else they stay until the process is killed
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 64

static struct {
    const char *pins;
    const char *record;
    const char *cancel_at, *timeout_at, *hang_at, *die_at, *error_at, *garbage_at;
    const char *flavor;
    unsigned int choose, delay;
    bool press_wait;
} options = {.pins = "1234", .flavor = "fake", .choose = 1};

static unsigned int confirms; /* seen by this process */
static unsigned int getpins;  /* the same */
static bool timed_out;

static void
say(const char *format, ...)
{
    char line[1100];
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (length < 0 || write(STDOUT_FILENO, line, (size_t)length) != length)
        exit(1);
}

static void
record(const char *prefix, const char *line)
{
    char text[1200];
    int length = snprintf(text, sizeof text, "%s%s\n", prefix, line);
    int fd;

    if (!options.record)
        return;
    fd = open(options.record, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text, (size_t)length) != length)
        exit(3); /* a test that reads the record must not pass without it */
    close(fd);
}

/* How many GETPINs the record holds: those of earlier processes and, recorded already, this one. */
static unsigned int
count_getpins(void)
{
    char line[1200];
    unsigned int count = 0;
    FILE *file = options.record ? fopen(options.record, "r") : NULL;

    if (!file)
        return ++getpins;
    while (fgets(line, sizeof line, file)) {
        if (strcmp(line, "GETPIN\n") == 0)
            count++;
    }
    fclose(file);
    return count;
}

static void
say_pin(void)
{
    unsigned int number = count_getpins();
    const char *pin = options.pins;
    size_t length = strcspn(pin, ",");

    for (unsigned int i = 1; i < number && pin[length] == ','; i++) {
        pin += length + 1;
        length = strcspn(pin, ",");
    }
    if (length > 0)
        say("D %.*s\n", (int)length, pin);
    say("OK\n");
}

static bool
is_at(const char *option, const char *word)
{
    return option && strncmp(option, word, strlen(word)) == 0 &&
           (option[strlen(word)] == '\0' || option[strlen(word)] == '=');
}

static void
sleep_ms(unsigned int milliseconds)
{
    usleep(milliseconds * 1000);
}

static void
answer(const char *word, const char *what, unsigned int code)
{
    char text[64];

    snprintf(text, sizeof text, "%s %s", word, what);
    record("ANSWER ", text);
    if (code)
        say("ERR %u fake <Pinentry>\n", code);
}

/* dialog: GETPIN, CONFIRM, MESSAGE or WAIT. */
static void
show(const char *dialog)
{
    bool confirm = strcmp(dialog, "CONFIRM") == 0;

    if (is_at(options.hang_at, dialog) ||
        (strcmp(dialog, "WAIT") == 0 && !options.press_wait && !is_at(options.cancel_at, dialog))) {
        record("ANSWER ", "none");
        for (;;)
            pause();
    }
    sleep_ms(options.delay);
    if (is_at(options.timeout_at, dialog) && !timed_out) {
        timed_out = true;
        sleep_ms(600);
        answer(dialog, "timeout", 83886142);
    } else if (is_at(options.cancel_at, dialog)) {
        answer(dialog, "cancel", 83886179);
    } else if (confirm && ++confirms < options.choose) {
        answer(dialog, "next", 83886194);
    } else {
        answer(dialog, "ok", 0);
        if (strcmp(dialog, "GETPIN") == 0)
            say_pin();
        else
            say("OK\n");
    }
}

/* Faults that a command was told to have; true when it is answered. */
static bool
misbehave(const char *word)
{
    if (is_at(options.die_at, word))
        exit(1);
    if (is_at(options.garbage_at, word)) {
        say("HTTP/1.1 200 whatever\n");
        return true;
    }
    if (is_at(options.error_at, word)) {
        say("ERR %s fake <Pinentry>\n", strchr(options.error_at, '=') + 1);
        return true;
    }
    return false;
}

static void
obey(char *line)
{
    char word[32] = "";

    record("", line);
    sscanf(line, "%31s", word);
    if (misbehave(word))
        return;
    if (strcmp(word, "GETPIN") == 0 || strcmp(word, "MESSAGE") == 0)
        show(word);
    else if (strcmp(word, "CONFIRM") == 0)
        show(strstr(line, "--one-button") ? "WAIT" : "CONFIRM");
    else if (strcmp(line, "GETINFO flavor") == 0)
        say("D %s\nOK\n", options.flavor);
    else if (strcmp(word, "BYE") == 0)
        exit(0);
    else if (strcmp(word, "OPTION") == 0 || strcmp(word, "RESET") == 0 ||
             strncmp(word, "SET", 3) == 0)
        say("OK\n");
    else
        say("ERR 83886355 Unknown IPC command <Pinentry>\n");
}

static bool
take_option(const char *name, const char *value)
{
    static const struct {
        const char *name;
        const char **place;
    } texts[] = {
        {"--pin", &options.pins},
        {"--pins", &options.pins},
        {"--record", &options.record},
        {"--cancel-at", &options.cancel_at},
        {"--timeout-at", &options.timeout_at},
        {"--hang-at", &options.hang_at},
        {"--die-at", &options.die_at},
        {"--error-at", &options.error_at},
        {"--garbage-at", &options.garbage_at},
        {"--flavor", &options.flavor},
    };

    for (size_t i = 0; value && i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].place = value;
            return true;
        }
    }
    if (value && strcmp(name, "--choose") == 0)
        options.choose = (unsigned int)strtoul(value, NULL, 10);
    else if (value && strcmp(name, "--delay") == 0)
        options.delay = (unsigned int)strtoul(value, NULL, 10);
    else
        return false;
    return true;
}

static void
take_options(char **words)
{
    for (; *words; words++) {
        if (strcmp(*words, "--press-wait") == 0)
            options.press_wait = true;
        else if (take_option(words[0], words[1]))
            words++;
        else {
            fprintf(stderr, "fake-pinentry: what is \"%s\"?\n", words[0]);
            exit(2);
        }
    }
}

static char **
split(char *text)
{
    static char *words[WORDS_MAX + 1];
    size_t count = 0;

    for (char *word = strtok(text, " \t\n"); word && count < WORDS_MAX;
         word = strtok(NULL, " \t\n"))
        words[count++] = word;
    return words;
}

static char *
read_options_file(const char *program)
{
    static char text[4096];
    char path[4096];
    const char *slash = strrchr(program, '/');
    FILE *file;
    size_t length;

    snprintf(path, sizeof path, "%.*sfake-pinentry.options", slash ? (int)(slash - program) + 1 : 0,
             program);
    file = fopen(path, "r");
    if (!file)
        return NULL;
    length = fread(text, 1, sizeof text - 1, file);
    text[length] = '\0';
    fclose(file);
    return text;
}

int
main(int argc, char **argv)
{
    char line[1200];
    char *text = NULL;

    if (argc > 1) {
        take_options(argv + 1);
    } else {
        text = read_options_file(argv[0]);
        if (!text && getenv("FAKE_PINENTRY"))
            text = strdup(getenv("FAKE_PINENTRY"));
        if (text)
            take_options(split(text));
    }
    if (misbehave("START"))
        return 1;
    say("OK Pleased to meet you\n");
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        obey(line);
    }
    return 0;
}
