/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/common/config.c: each key with good and bad values, what the system file locks, who
 * may have written the user's file, and that every error names file and line.
 */
#include "host/common/config.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/common/fault.h"
#include "tests/host/harness.h"
#include "tests/support/assert.h"
#include "tokenbridge-config.h"

#define OTHER_ID "abcdefghijklmnopabcdefghijklmnop"

static TbConfig *
load(const char *system, const char *user, GError **error)
{
    g_autofree char *system_path = system ? tb_test_write("system.conf", system) : NULL;
    g_autofree char *user_path = user ? tb_test_write("user.conf", user) : NULL;

    return tb_config_load(system_path, user_path, error);
}

static TbConfig *
load_good(const char *system, const char *user)
{
    g_autoptr(GError) error = NULL;
    TbConfig *config = load(system, user, &error);

    g_assert_no_error(error);
    return config;
}

static char *
joined(char **list)
{
    return g_strjoinv(" ", list);
}

static void
test_defaults(void)
{
    static const char *const texts[] = {NULL, "", "\n\n# nothing\n", "[prompt]\n"};

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(TbConfig) config = load_good(texts[i], texts[i]);

        g_assert_cmpint(config->prompt, ==, TB_PROMPT_AUTO);
        g_assert_null(config->pinentry);
        g_assert_true(config->use_p11_kit);
        g_assert_true(config->use_well_known);
        g_assert_cmpuint(g_strv_length(config->disabled_modules), ==, 0);
        g_assert_cmpuint(config->modules->len, ==, 0);
        g_assert_cmpuint(g_strv_length(config->chromium_ids), ==, 1);
        g_assert_cmpstr(config->chromium_ids[0], ==, TB_CHROMIUM_EXTENSION_ID);
        g_assert_cmpuint(g_strv_length(config->firefox_ids), ==, 1);
        g_assert_cmpstr(config->firefox_ids[0], ==, TB_FIREFOX_EXTENSION_ID);
        g_assert_cmpuint(g_strv_length(config->allowed_origins), ==, 0);
        g_assert_cmpuint(g_strv_length(config->blocked_origins), ==, 0);
        g_assert_cmpuint(g_strv_length(config->framed_origins), ==, 0);
        g_assert_cmpuint(g_strv_length(config->authentication_signer_origins), ==, 0);
        g_assert_cmpuint(config->list_timeout, ==, 5000);
        g_assert_cmpuint(config->sign_timeout, ==, 30000);
        g_assert_cmpuint(config->pin_pad_timeout, ==, 90000);
        g_assert_cmpuint(config->user_timeout, ==, 120000);
        g_assert_cmpuint(config->worker_idle, ==, 30000);
    }
}

static void
test_absent_files(void)
{
    g_autofree char *missing = tb_test_path("missing.conf");
    g_autofree char *deeper = tb_test_path("missing/deeper.conf");
    g_autoptr(GError) error = NULL;
    g_autoptr(TbConfig) config = tb_config_load(missing, deeper, &error);

    g_assert_no_error(error);
    g_assert_nonnull(config);
}

static void
test_every_key(void)
{
    g_autoptr(TbConfig) config =
        load_good(NULL, "[prompt]\nprogram = pinentry\npinentry=/usr/bin/pinentry-qt\n"
                        "[modules]\np11-kit=false\nwell-known=false\ndisable=opensc;tpm2;\n"
                        "[module eToken]\npath=/usr/lib/libeToken.so\ninit-args=a=b c\n"
                        "sandbox=strict\nstate=/srv/one;/srv/two\n"
                        "[extensions]\nchromium=" OTHER_ID "\nfirefox=a@b.example;{x-y}\n"
                        "[policy]\nallowed-origins=https://a.example;https://b.example:8443\n"
                        "blocked-origins=https://c.example\nframed-origins=http://localhost:3000\n"
                        "sign-with-authentication-certificate=https://d.example\n"
                        "[limits]\nlist-timeout=1500\nsign-timeout=20000\npin-pad-timeout=60000\n"
                        "user-timeout=90000\nworker-idle=0\n");
    g_autofree char *disabled = joined(config->disabled_modules);
    g_autofree char *chromium = joined(config->chromium_ids);
    g_autofree char *firefox = joined(config->firefox_ids);
    g_autofree char *allowed = joined(config->allowed_origins);
    g_autofree char *blocked = joined(config->blocked_origins);
    g_autofree char *framed = joined(config->framed_origins);
    g_autofree char *signers = joined(config->authentication_signer_origins);
    const TbModule *module;

    g_assert_cmpint(config->prompt, ==, TB_PROMPT_PINENTRY);
    g_assert_cmpstr(config->pinentry, ==, "/usr/bin/pinentry-qt");
    g_assert_false(config->use_p11_kit);
    g_assert_false(config->use_well_known);
    g_assert_cmpstr(disabled, ==, "opensc tpm2");
    g_assert_cmpuint(config->modules->len, ==, 1);
    module = config->modules->pdata[0];
    g_assert_cmpstr(module->name, ==, "eToken");
    g_assert_cmpstr(module->path, ==, "/usr/lib/libeToken.so");
    g_assert_cmpstr(module->init_args, ==, "a=b c");
    g_assert_cmpstr(module->source, ==, "configuration");
    g_assert_cmpint(module->sandbox, ==, TB_SANDBOX_STRICT);
    g_assert_cmpuint(g_strv_length(module->state), ==, 2);
    g_assert_cmpstr(module->state[1], ==, "/srv/two");
    g_assert_cmpstr(chromium, ==, TB_CHROMIUM_EXTENSION_ID " " OTHER_ID);
    g_assert_cmpstr(firefox, ==, TB_FIREFOX_EXTENSION_ID " a@b.example {x-y}");
    g_assert_cmpstr(allowed, ==, "https://a.example https://b.example:8443");
    g_assert_cmpstr(blocked, ==, "https://c.example");
    g_assert_cmpstr(framed, ==, "http://localhost:3000");
    g_assert_cmpstr(signers, ==, "https://d.example");
    g_assert_cmpuint(config->list_timeout, ==, 1500);
    g_assert_cmpuint(config->sign_timeout, ==, 20000);
    g_assert_cmpuint(config->pin_pad_timeout, ==, 60000);
    g_assert_cmpuint(config->user_timeout, ==, 90000);
    g_assert_cmpuint(config->worker_idle, ==, 0);
}

/* Whichever form the place takes, it has the path and the right line. */
static gboolean
names_place(const char *message, const char *file, guint line)
{
    g_autofree char *path = tb_test_path(file);
    g_autofree char *quoted = g_regex_escape_string(path, -1);
    g_autofree char *pattern = g_strdup_printf("^%s(:|, line )%u:", quoted, line);

    return g_regex_match_simple(pattern, message, 0, 0);
}

static void
test_faults(void)
{
    static const struct {
        guint line;
        const char *text;
        const char *names; /* the message has this, too */
    } rows[] = {
        {1, "[colours]\nred=1\n", "colours"},
        {2, "\n[colours]\n", "colours"},
        {4, "# a\n[prompt]\nprogram=gtk\nfont=big\n", "font"},
        {2, "[prompt]\nprogram=zenity\n", "program"},
        {2, "[prompt]\nprogram=\n", "program"},
        {2, "[prompt]\nprogram=GTK\n", "program"},
        {2, "[prompt]\npinentry=pinentry-qt\n", "pinentry"},
        {2, "[prompt]\npinentry=\n", "pinentry"},
        {2, "[modules]\np11-kit=maybe\n", "p11-kit"},
        {3, "[modules]\np11-kit=true\nwell-known=\n", "well-known"},
        {2, "[module one]\npath=relative.so\n", "path"},
        {3, "[module one]\npath=/a.so\ncolour=blue\n", "colour"},
        {3, "[module one]\npath=/a.so\nenabled=perhaps\n", "enabled"},
        {3, "[module one]\npath=/a.so\nsandbox=off\n", "sandbox"},
        {3, "[module one]\npath=/a.so\nstate=/good;bad\n", "state"},
        {1, "[module one]\nenabled=true\n", "path"},
        {3, "[prompt]\n\n[module ]\npath=/a.so\n", NULL},
        {2, "[extensions]\nchromium=short\n", "short"},
        {2, "[extensions]\nchromium=ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOP\n", "ABCDEFGH"},
        {2, "[extensions]\nchromium=abcdefghijklmnopabcdefghijklmnoq\n", NULL},
        {2, "[extensions]\nchromium=" OTHER_ID ";*\n", "*"},
        {2, "[extensions]\nfirefox=no-add-on-id\n", "no-add-on-id"},
        {2, "[policy]\nallowed-origins=https://a.example/\n", "https://a.example/"},
        {2, "[policy]\nallowed-origins=https://a.example;https://*.b.example\n", "*.b"},
        {2, "[policy]\nblocked-origins=a.example\n", "a.example"},
        {2, "[policy]\nframed-origins=http://a.example\n", "http://a.example"},
        {2, "[policy]\nsign-with-authentication-certificate=https://A.example\n", "A.example"},
        {2, "[limits]\nlist-timeout=0\n", "list-timeout"},
        {2, "[limits]\nlist-timeout=-5000\n", "list-timeout"},
        {2, "[limits]\nlist-timeout=5 s\n", "list-timeout"},
        {2, "[limits]\nlist-timeout=99999999999\n", "list-timeout"},
        {2, "[limits]\nsign-timeout=1e4\n", "sign-timeout"},
        {2, "[limits]\npin-pad-timeout=0x100\n", "pin-pad-timeout"},
        {2, "[limits]\nuser-timeout=600001\n", "user-timeout"},
        {2, "[limits]\nworker-idle=forever\n", "worker-idle"},
        {1, "program=gtk\n", NULL},
        {2, "[prompt]\nthis is no key\n", NULL},
        {3, "[prompt]\nprogram=gtk\n[unclosed\n", NULL},
        {2, "[prompt]\n=value\n", NULL},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (guint user = 0; user < 2; user++) {
            g_autoptr(GError) error = NULL;
            g_autoptr(TbConfig) config =
                load(user ? NULL : rows[i].text, user ? rows[i].text : NULL, &error);

            if (config) {
                tb_test_row_failed("%s: accepted", rows[i].text);
                continue;
            }
            if (!g_error_matches(error, TB_FAULT, TB_REASON_INTERNAL))
                tb_test_row_failed("%s: another error", rows[i].text);
            if (!names_place(error->message, user ? "user.conf" : "system.conf", rows[i].line))
                tb_test_row_failed("%s: %s", rows[i].text, error->message);
            if (rows[i].names && !strstr(error->message, rows[i].names))
                tb_test_row_failed("%s: does not name it: %s", rows[i].text, error->message);
            if (!g_str_has_suffix(error->message, "."))
                tb_test_row_failed("%s: is no sentence: %s", rows[i].text, error->message);
        }
    }
}

/* A key that stands in two groups is named where it is wrong. */
static void
test_line_of_the_right_group(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(
        load(NULL, "[module one]\npath=/a.so\n[module two]\n# path=/no.so\npath=b.so\n", &error));
    g_assert_true(names_place(error->message, "user.conf", 5));
}

static void
test_user_over_system(void)
{
    g_autoptr(TbConfig) config = load_good(
        "[prompt]\nprogram=gtk\n[policy]\nallowed-origins=https://a.example\n"
        "blocked-origins=https://b.example\n[module one]\npath=/a.so\n[module two]\npath=/b.so\n"
        "[extensions]\nchromium=" OTHER_ID "\n",
        "[prompt]\nprogram=pinentry\n[policy]\nallowed-origins=https://c.example\n"
        "[module one]\npath=/c.so\n[extensions]\nchromium=ponmlkjihgfedcbaponmlkjihgfedcba\n");
    g_autofree char *allowed = joined(config->allowed_origins);
    g_autofree char *blocked = joined(config->blocked_origins);

    g_assert_cmpint(config->prompt, ==, TB_PROMPT_PINENTRY);
    g_assert_cmpstr(allowed, ==, "https://c.example");
    g_assert_cmpstr(blocked, ==, "https://b.example");
    g_assert_cmpuint(g_strv_length(config->chromium_ids), ==, 3); /* ids add up */
    g_assert_cmpuint(config->modules->len, ==, 2);
    for (guint i = 0; i < 2; i++) {
        const TbModule *module = config->modules->pdata[i];

        g_assert_cmpstr(module->path, ==, strcmp(module->name, "one") == 0 ? "/c.so" : "/b.so");
    }
}

static void
test_locks(void)
{
    static const struct {
        const char *system;
        const char *user;
        guint line; /* of the user's file that is refused; 0: it may */
    } rows[] = {
        {"[lock]\nkeys=policy/allowed-origins\n", "[policy]\nallowed-origins=https://a.example\n",
         2},
        {"[lock]\nkeys=policy/allowed-origins\n", "[policy]\nblocked-origins=https://a.example\n",
         0},
        {"[lock]\nkeys=prompt/program;modules/p11-kit\n", "[modules]\np11-kit=true\n", 2},
        {"[prompt]\nprogram=gtk\n[lock]\nkeys=prompt/program\n", "\n[prompt]\nprogram=gtk\n", 3},
        {"[lock]\nkeys=extensions/chromium\n", "[extensions]\nchromium=" OTHER_ID "\n", 2},
        {"[lock]\nkeys=policy/sign-with-authentication-certificate\n",
         "[policy]\nsign-with-authentication-certificate=https://a.example\n", 2},
        {"[lock]\nkeys=\n", "[prompt]\nprogram=gtk\n", 0},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(TbConfig) config = load(rows[i].system, rows[i].user, &error);

        if (!config != (rows[i].line != 0))
            tb_test_row_failed("row %u: %s", i, error ? error->message : "accepted");
        else if (error && !names_place(error->message, "user.conf", rows[i].line))
            tb_test_row_failed("row %u: %s", i, error->message);
    }
}

/* What is locked may still be set by the file that locks it. */
static void
test_lock_does_not_bind_the_system_file(void)
{
    g_autoptr(TbConfig) config = load_good(
        "[lock]\nkeys=prompt/program\n[prompt]\nprogram=pinentry\n", "[limits]\nworker-idle=1\n");

    g_assert_cmpint(config->prompt, ==, TB_PROMPT_PINENTRY);
}

static void
test_bad_locks(void)
{
    static const char *const rows[] = {
        "[lock]\nkeys=policy/allowed-orgins\n", /* a typing error would protect nothing */
        "[lock]\nkeys=colours/red\n",
        "[lock]\nother=policy/allowed-origins\n",
    };
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) fault = NULL;
        g_autoptr(TbConfig) config = load(rows[i], NULL, &fault);

        if (config || !strstr(fault->message, "system.conf"))
            tb_test_row_failed("%s", rows[i]);
    }
    g_assert_null(
        load(NULL, "[lock]\nkeys=prompt/program\n", &error)); /* the administrator's only */
    g_assert_nonnull(strstr(error->message, "user.conf"));
}

/* The user's file names code that is going to be loaded: nobody else may have written it. */
static void
test_who_wrote_it(void)
{
    static const struct {
        mode_t mode;
        gboolean good;
    } rows[] = {{0600, TRUE},  {0644, TRUE},  {0400, TRUE},
                {0660, FALSE}, {0602, FALSE}, {0666, FALSE}};
    g_autofree char *path = tb_test_write("own.conf", "[prompt]\nprogram=gtk\n");

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(TbConfig) user = NULL;
        g_autoptr(TbConfig) system = NULL;

        g_assert_no_errno(chmod(path, rows[i].mode));
        user = tb_config_load(NULL, path, &error);
        if (!user != !rows[i].good || (error && !strstr(error->message, path)))
            tb_test_row_failed("mode %o", rows[i].mode);
        system = tb_config_load(path, NULL, NULL);
        g_assert_nonnull(system);
    }
    g_assert_no_errno(chmod(path, 0600));
    if (getuid() == 0) {
        g_assert_no_errno(chown(path, 12345, 12345));
        g_assert_null(tb_config_load(NULL, path, NULL));
    } else {
        g_test_message("not root: a file of another user was not tried");
    }
}

static void
test_no_files(void)
{
    g_autofree char *directory = tb_test_path("directory.conf");
    g_autofree char *fifo = tb_test_path("fifo.conf");
    g_autofree char *text = g_strnfill((1 << 20) + 1, '\n');
    g_autofree char *big = tb_test_write("big.conf", text);
    const char *paths[] = {directory, fifo, big, "/dev/zero", "/dev/null"};

    g_assert_no_errno(mkdir(directory, 0700));
    g_assert_no_errno(mkfifo(fifo, 0600));
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        for (guint user = 0; user < 2; user++) {
            g_autoptr(GError) error = NULL;
            g_autoptr(TbConfig) config =
                tb_config_load(user ? NULL : paths[i], user ? paths[i] : NULL, &error);

            if (config || !strstr(error->message, paths[i]))
                tb_test_row_failed("%s", paths[i]);
        }
    }
}

static void
test_not_text(void)
{
    static const char *const texts[] = {"[prompt]\nprogram=\xff\xfe\n", "\xef\xbb\xbf[prompt\n"};

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(TbConfig) config = load(NULL, texts[i], &error);

        if (config || !g_utf8_validate(error->message, -1, NULL))
            tb_test_row_failed("row %u", i);
    }
}

/* Where they belong: XDG_CONFIG_HOME. */
static void
test_default_places(void)
{
    g_autofree char *path =
        tb_test_write("XDG_CONFIG_HOME/tokenbridge/tokenbridge.conf", "[limits]\nworker-idle=7\n");
    g_autoptr(GError) error = NULL;
    g_autoptr(TbConfig) config = tb_config_load_default(&error);

    g_assert_no_error(error);
    g_assert_cmpuint(config->worker_idle, ==, 7);
    g_assert_no_errno(g_remove(path));
}

int
main(int argc, char **argv)
{
    tb_test_begin(&argc, &argv);
    g_test_add_func("/config/defaults", test_defaults);
    g_test_add_func("/config/absent-files", test_absent_files);
    g_test_add_func("/config/every-key", test_every_key);
    g_test_add_func("/config/faults", test_faults);
    g_test_add_func("/config/line-of-the-right-group", test_line_of_the_right_group);
    g_test_add_func("/config/user-over-system", test_user_over_system);
    g_test_add_func("/config/locks", test_locks);
    g_test_add_func("/config/lock-does-not-bind-the-system-file",
                    test_lock_does_not_bind_the_system_file);
    g_test_add_func("/config/bad-locks", test_bad_locks);
    g_test_add_func("/config/who-wrote-it", test_who_wrote_it);
    g_test_add_func("/config/no-files", test_no_files);
    g_test_add_func("/config/not-text", test_not_text);
    g_test_add_func("/config/default-places", test_default_places);
    return tb_test_end();
}
