/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenbridge list --watch: see tokens.h. Compares what modules and readers say with what they said
 * before.
 */
#include "host/cli/tokens.h"

#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/cli/command.h"
#include "host/watch.h"

typedef struct Follower {
    TbWorkers *workers;
    TbWatch *watch;
    GMainLoop *loop;
    gboolean json;
    json_t *shown; /* as tb_cli_tokens_to_json(); NULL: nothing yet */
} Follower;

static char *
time_now(gboolean json)
{
    g_autoptr(GDateTime) now = json ? g_date_time_new_now_utc() : g_date_time_new_now_local();

    return g_date_time_format(now, json ? "%Y-%m-%dT%H:%M:%S.%fZ" : "%H:%M:%S");
}

/* Prints an event as a line; takes it. */
static void
print_json_line(json_t *event)
{
    g_autofree char *now = time_now(TRUE);
    char *text;

    json_object_set_new(event, "time", json_string(now));
    text = json_dumps(event, JSON_COMPACT);
    puts(text ? text : "null");
    free(text);
    json_decref(event);
}

static void G_GNUC_PRINTF(1, 2) print_line(const char *format, ...)
{
    g_autofree char *now = time_now(FALSE);
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    tb_cli_print("%s  %s\n", now, text);
}

static const char *
string(json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text ? text : "";
}

static void
tell_token(const Follower *follower, const char *event, json_t *module, json_t *token)
{
    gsize count = json_array_size(json_object_get(token, "certificates"));

    if (follower->json)
        print_json_line(json_pack("{s:s, s:O, s:O}", "event", event, "module",
                                  json_object_get(module, "name"), "token", token));
    else
        print_line("%s: token \"%s\" in %s, serial %s, %zu certificate%s (%s)", event,
                   string(token, "label"), string(token, "reader"), string(token, "serial"), count,
                   count == 1 ? "" : "s", string(module, "name"));
}

/* The token of the same slot and serial in a list, borrowed, or NULL. */
static json_t *
find_token(json_t *list, json_t *token)
{
    for (gsize i = 0; i < json_array_size(list); i++) {
        json_t *other = json_array_get(list, i);

        if (json_equal(json_object_get(other, "slot"), json_object_get(token, "slot")) &&
            json_equal(json_object_get(other, "serial"), json_object_get(token, "serial")))
            return other;
    }
    return NULL;
}

static void
tell_tokens(const Follower *follower, json_t *before, json_t *now)
{
    json_t *old_tokens = json_object_get(before, "tokens");
    json_t *tokens = json_object_get(now, "tokens");

    for (gsize i = 0; i < json_array_size(old_tokens); i++) {
        json_t *token = json_array_get(old_tokens, i);

        if (!find_token(tokens, token))
            tell_token(follower, "removed", now, token);
    }
    for (gsize i = 0; i < json_array_size(tokens); i++) {
        json_t *token = json_array_get(tokens, i);
        json_t *old = find_token(old_tokens, token);

        if (!old || !json_equal(old, token))
            tell_token(follower, old ? "changed" : "inserted", now, token);
    }
}

static void
tell_module(const Follower *follower, json_t *before, json_t *now)
{
    const char *name = string(now, "name");

    tell_tokens(follower, before, now);
    if (json_equal(json_object_get(before, "state"), json_object_get(now, "state")))
        return;
    if (follower->json)
        print_json_line(json_pack("{s:s, s:s, s:O, s:O*}", "event", "module", "module", name,
                                  "state", json_object_get(now, "state"), "message",
                                  json_object_get(now, "message")));
    else if (json_object_get(now, "message"))
        print_line("%s: %s", name, string(now, "message"));
    else
        print_line("%s: works again", name);
}

static void
tell_readers(const Follower *follower, json_t *before, json_t *now)
{
    json_t *readers = json_object_get(now, "readers");

    if (readers == json_object_get(before, "readers") ||
        json_equal(readers, json_object_get(before, "readers")))
        return;
    if (follower->json) {
        print_json_line(json_pack("{s:s, s:O?}", "event", "readers", "readers", readers));
    } else {
        print_line("%s",
                   readers ? "readers have changed:" : "nothing is known of readers any more");
        tb_cli_tokens_print_readers(follower->workers);
    }
}

static void
tell_changes(const Follower *follower, json_t *now)
{
    json_t *before = json_object_get(follower->shown, "modules");
    json_t *modules = json_object_get(now, "modules");

    tell_readers(follower, follower->shown, now);
    for (gsize i = 0; i < json_array_size(modules); i++)
        tell_module(follower, json_array_get(before, i), json_array_get(modules, i));
}

static void
tell_state(const Follower *follower, json_t *now)
{
    if (follower->json) {
        json_t *event = json_copy(now);

        json_object_set_new(event, "event", json_string("state"));
        print_json_line(event);
    } else {
        (void)tb_cli_tokens_print(follower->workers);
    }
}

static void
on_changed(gpointer data)
{
    Follower *follower = data;
    json_t *now;

    if (!tb_watch_is_complete(follower->watch))
        return;
    now = tb_cli_tokens_to_json(follower->workers);
    if (follower->shown)
        tell_changes(follower, now);
    else
        tell_state(follower, now);
    json_decref(follower->shown);
    follower->shown = json_deep_copy(now); /* the workers' own objects are theirs to change */
    json_decref(now);
    if (fflush(stdout) != 0)
        g_main_loop_quit(follower->loop);
}

static gboolean
on_signal(gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

static gboolean
on_output_closed(gint fd, GIOCondition condition, gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

void
tb_cli_tokens_watch(TbWorkers *workers, gboolean json)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    Follower follower = {.workers = workers, .loop = loop, .json = json};

    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is an end, not a death */
    (void)g_unix_signal_add(SIGINT, on_signal, loop);
    (void)g_unix_signal_add(SIGTERM, on_signal, loop);
    (void)g_unix_fd_add(STDOUT_FILENO, G_IO_ERR | G_IO_HUP, on_output_closed, loop);
    follower.watch = tb_watch_new(workers, on_changed, &follower);
    g_main_loop_run(loop);
    tb_watch_free(follower.watch);
    json_decref(follower.shown);
}
