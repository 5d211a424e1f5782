/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests host/common/config.c and config-file.c: every key, what is wrong with a file and where,
 * what the system's file locks, and whose files are believed.
 */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/common/config.h"
#include "host/common/fault.h"
#include "tests/support/assert.h"
#include "tokenbridge-config.h"

typedef struct Fixture {
    char *folder;
    char *system;
    char *user;
} Fixture;

static void
set_up(Fixture *f, gconstpointer unused)
{
    f->folder = g_dir_make_tmp("test-config-XXXXXX", NULL);
    f->system = g_build_filename(f->folder, "system.conf", NULL);
    f->user = g_build_filename(f->folder, "user.conf", NULL);
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
    g_remove(f->system);
    g_remove(f->user);
    g_assert_cmpint(g_rmdir(f->folder), ==, 0);
    g_free(f->folder);
    g_free(f->system);
    g_free(f->user);
}

static void
put(const char *path, const char *text)
{
    g_remove(path); /* GLib writes over a longer file without cutting it */
    g_assert_true(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

static TbConfig *
load(Fixture *f, const char *system, const char *user)
{
    g_autoptr(GError) error = NULL;
    TbConfig *config;

    put(f->system, system);
    put(f->user, user);
    config = tb_config_load(f->system, f->user, &error);
    g_assert_no_error(error);
    return config;
}

/* The message must begin with the file's path and then what is expected. */
static void
assert_fault(Fixture *f, const char *system, const char *user, gboolean in_system,
             const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *start = g_strconcat(in_system ? f->system : f->user, expected, NULL);

    put(f->system, system);
    put(f->user, user);
    g_assert_null(tb_config_load(f->system, f->user, &error));
    g_assert_error(error, TB_FAULT, TB_REASON_INTERNAL);
    if (!g_str_has_prefix(error->message, start))
        g_error("\"%s\" does not begin with \"%s\"", error->message, start);
}

static void
test_defaults(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TbConfig) config = tb_config_load(f->system, f->user, &error);

    g_assert_no_error(error);
    g_assert_cmpint(config->prompt, ==, TB_PROMPT_AUTO);
    g_assert_null(config->pinentry);
    g_assert_true(config->use_p11_kit);
    g_assert_true(config->use_well_known);
    g_assert_cmpuint(config->modules->len, ==, 0);
    g_assert_cmpstr(config->chromium_ids[0], ==, TB_CHROMIUM_EXTENSION_ID);
    g_assert_cmpstr(config->firefox_ids[0], ==, TB_FIREFOX_EXTENSION_ID);
    g_assert_null(config->chromium_ids[1]);
    g_assert_null(config->allowed_origins[0]);
    g_assert_cmpuint(config->list_timeout, ==, 5000);
    g_assert_cmpuint(config->sign_timeout, ==, 30000);
    g_assert_cmpuint(config->pin_pad_timeout, ==, 90000);
    g_assert_cmpuint(config->user_timeout, ==, 120000);
}

static void
test_every_key(Fixture *f, gconstpointer unused)
{
    g_autoptr(TbConfig) config = load(
        f, "",
        "# a comment\n"
        "[prompt]\nprogram=pinentry\npinentry=/usr/bin/pinentry-qt\n"
        "[modules]\np11-kit=false\nwell-known=false\ndisable=one;two\n"
        "[module mine]\npath=/opt/mine.so\ninit-args=configdir='sql:/x'\n"
        "[module other]\npath=/opt/other.so\nenabled=false\n"
        "[extensions]\nchromium=abcdefghijklmnopabcdefghijklmnop\nfirefox=me@example.org;{1-2}\n"
        "[policy]\nallowed-origins=https://a.example;http://localhost:8080\n"
        "blocked-origins=https://b.example\nframed-origins=https://c.example\n"
        "sign-with-authentication-certificate=https://d.example\n"
        "[limits]\nlist-timeout=100\nsign-timeout=1000\npin-pad-timeout=600000\n"
        "user-timeout=1000\nworker-idle=0\n");
    const TbModule *mine = config->modules->pdata[0];
    const TbModule *other = config->modules->pdata[1];

    g_assert_cmpint(config->prompt, ==, TB_PROMPT_PINENTRY);
    g_assert_cmpstr(config->pinentry, ==, "/usr/bin/pinentry-qt");
    g_assert_false(config->use_p11_kit);
    g_assert_false(config->use_well_known);
    g_assert_cmpstr(config->disabled_modules[1], ==, "two");
    g_assert_cmpuint(config->modules->len, ==, 2);
    g_assert_cmpstr(mine->name, ==, "mine");
    g_assert_cmpstr(mine->path, ==, "/opt/mine.so");
    g_assert_cmpstr(mine->init_args, ==, "configdir='sql:/x'");
    g_assert_cmpstr(mine->source, ==, "configuration");
    g_assert_false(mine->off);
    g_assert_true(other->off);
    g_assert_cmpstr(config->chromium_ids[1], ==, "abcdefghijklmnopabcdefghijklmnop");
    g_assert_cmpstr(config->firefox_ids[1], ==, "me@example.org");
    g_assert_cmpstr(config->firefox_ids[2], ==, "{1-2}");
    g_assert_cmpstr(config->allowed_origins[1], ==, "http://localhost:8080");
    g_assert_cmpstr(config->blocked_origins[0], ==, "https://b.example");
    g_assert_cmpstr(config->framed_origins[0], ==, "https://c.example");
    g_assert_cmpstr(config->authentication_signer_origins[0], ==, "https://d.example");
    g_assert_cmpuint(config->list_timeout, ==, 100);
    g_assert_cmpuint(config->worker_idle, ==, 0);
}

static const struct {
    const char *text;
    const char *fault; /* what follows the path */
} bad[] = {
    {"[prompt]\nprogramm=gtk\n", ":2: [prompt] has no key \"programm\"."},
    {"\n\n[promt]\nprogram=gtk\n", ":3: There is no group [promt]."},
    {"[prompt]\nprogram=qt\n", ":2: \"program\" is none of"},
    {"[prompt]\npinentry=pinentry-qt\n", ":2: \"pinentry\" is not an absolute path."},
    {"[modules]\np11-kit=maybe\n", ":2: \"p11-kit\" is neither true nor false."},
    {"[module ]\npath=/x\n", ":1: The group has no module name."},
    {"[module x]\n", ":1: [module x] has no \"path\"."},
    {"[module x]\npath=x.so\n", ":2: \"path\" is not an absolute path."},
    {"[module x]\npath=/x\ncolour=red\n", ":3: [module x] has no key \"colour\"."},
    {"[module x]\npath=/x\nenabled=2x\n", ":3: \"enabled\" is neither true nor false."},
    {"[extensions]\nchromium=abc\n", ":2: \"abc\" is no extension id."},
    {"[extensions]\nfirefox=abc\n", ":2: \"abc\" is no extension id."},
    {"[policy]\nallowed-origins=https://a.example/\n", ":2: \"https://a.example/\" is no origin"},
    {"[policy]\nblocked-origins=*\n", ":2: \"*\" is no origin"},
    {"[limits]\nuser-timeout=5\n", ":2: \"user-timeout\" is not a number of milliseconds"},
    {"[limits]\nuser-timeout=1e5\n", ":2: \"user-timeout\" is not a number"},
    {"[limits]\nuser-timeout=\n", ":2: \"user-timeout\" is not a number"},
    {"[prompt]\n# fine\nprogram\n", ":3: "},
    {"program=gtk\n", ":1: "},
    {"[lock]\nkeys=prompt\n", ":1: Only the system file can lock keys."},
};

static void
test_faults(Fixture *f, gconstpointer unused)
{
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_fault(f, "", bad[i].text, FALSE, bad[i].fault);
}

static void
test_locks(Fixture *f, gconstpointer unused)
{
    const char *lock = "[prompt]\nprogram=gtk\n[lock]\nkeys=prompt/program;modules;module\n";
    g_autoptr(TbConfig) config = load(f, lock, "[prompt]\npinentry=/usr/bin/pinentry\n");

    g_assert_cmpint(config->prompt, ==, TB_PROMPT_GTK);
    assert_fault(f, lock, "[prompt]\nprogram=pinentry\n", FALSE,
                 ":2: The administrator has locked \"program\".");
    assert_fault(f, lock, "[modules]\nwell-known=false\n", FALSE,
                 ":2: The administrator has locked \"well-known\".");
    assert_fault(f, lock, "\n[module x]\npath=/x\n", FALSE,
                 ":2: The administrator has locked the modules.");
    assert_fault(f, "[lock]\nkeys=prompt/colour\n", "", TRUE,
                 ":2: There is no key \"prompt/colour\" to lock.");
    assert_fault(f, "[lock]\nkey=prompt\n", "", TRUE, ":2: [lock] has no key \"key\".");
}

/* The user's file is over the system's; a module of the same name takes its place. */
static void
test_order(Fixture *f, gconstpointer unused)
{
    g_autoptr(TbConfig) config =
        load(f,
             "[prompt]\nprogram=gtk\n[limits]\nsign-timeout=2000\nlist-timeout=200\n"
             "[module x]\npath=/system.so\n[module y]\npath=/y.so\n",
             "[limits]\nsign-timeout=3000\n[module x]\npath=/user.so\n");
    const TbModule *last = config->modules->pdata[1];

    g_assert_cmpint(config->prompt, ==, TB_PROMPT_GTK);
    g_assert_cmpuint(config->sign_timeout, ==, 3000);
    g_assert_cmpuint(config->list_timeout, ==, 200);
    g_assert_cmpuint(config->modules->len, ==, 2);
    g_assert_cmpstr(last->path, ==, "/user.so");
}

static void
test_whose_file(Fixture *f, gconstpointer unused)
{
    const char *text = "[prompt]\nprogram=gtk\n";

    put(f->system, text);
    put(f->user, text);
    g_assert_no_errno(chmod(f->system, 0666)); /* root's business */
    g_assert_no_errno(chmod(f->user, 0620));
    {
        g_autoptr(GError) error = NULL;

        g_assert_null(tb_config_load(f->system, f->user, &error));
        g_assert_error(error, TB_FAULT, TB_REASON_INTERNAL);
        g_assert_nonnull(strstr(error->message, "can be written by others"));
    }
    if (getuid() == 0) {
        g_autoptr(GError) error = NULL;

        g_assert_no_errno(chmod(f->user, 0600));
        g_assert_no_errno(chown(f->user, 65534, 65534));
        g_assert_null(tb_config_load(NULL, f->user, &error));
        g_assert_error(error, TB_FAULT, TB_REASON_INTERNAL);
    } else {
        g_test_message("whose file it is: not root, so no other user's file can be made");
    }
}

static void
test_no_file(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(tb_config_load(f->folder, NULL, &error));
    g_assert_error(error, TB_FAULT, TB_REASON_INTERNAL);
    g_assert_nonnull(strstr(error->message, "is not a file"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/config/defaults", Fixture, NULL, set_up, test_defaults, tear_down);
    g_test_add("/config/every-key", Fixture, NULL, set_up, test_every_key, tear_down);
    g_test_add("/config/faults", Fixture, NULL, set_up, test_faults, tear_down);
    g_test_add("/config/locks", Fixture, NULL, set_up, test_locks, tear_down);
    g_test_add("/config/order", Fixture, NULL, set_up, test_order, tear_down);
    g_test_add("/config/whose-file", Fixture, NULL, set_up, test_whose_file, tear_down);
    g_test_add("/config/no-file", Fixture, NULL, set_up, test_no_file, tear_down);
    return g_test_run();
}
