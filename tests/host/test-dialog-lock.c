/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/dialog-lock.c: one dialog for a user, whichever process has it.
 */
#include "host/dialog-lock.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/common/fault.h"
#include "tests/host/harness.h"
#include "tests/support/child.h"

static void
assert_busy(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(tb_dialog_lock_take(&error));
    g_assert_error(error, TB_FAULT, TB_REASON_BUSY);
}

static void
assert_free(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TbDialogLock) lock = tb_dialog_lock_take(&error);

    g_assert_no_error(error);
    g_assert_nonnull(lock);
}

static void
test_same_process(void)
{
    TbDialogLock *lock = tb_dialog_lock_take(NULL);

    g_assert_nonnull(lock);
    assert_busy();
    tb_dialog_lock_free(lock);
    assert_free();
    tb_dialog_lock_free(NULL);
}

static void
try_in_child(int fd, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TbDialogLock) lock = tb_dialog_lock_take(&error);
    const char *word = lock ? "taken" : tb_reason_word(tb_fault_reason(error));

    if (write(fd, word, strlen(word)) < 0)
        _exit(1);
}

static void
assert_other_process(const char *expected)
{
    gsize length;
    int status;
    g_autofree char *word = tb_test_in_child(try_in_child, NULL, &length, &status);

    g_assert_cmpstr(word, ==, expected);
}

static void
test_other_process(void)
{
    TbDialogLock *lock = tb_dialog_lock_take(NULL);

    assert_other_process("busy");
    tb_dialog_lock_free(lock);
    assert_other_process("taken");
    assert_free(); /* it ended, and the lock with it */
}

/* However a holder ends, the next one gets the lock; its children do not inherit it. */
static void
test_killed_holder(void)
{
    int ends[2];
    pid_t pid;
    char byte;

    g_assert_no_errno(pipe(ends));
    pid = fork();
    if (pid == 0) {
        if (!tb_dialog_lock_take(NULL) || write(ends[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    g_assert_cmpint(read(ends[0], &byte, 1), ==, 1);
    assert_busy();
    g_assert_no_errno(kill(pid, SIGKILL));
    g_assert_no_errno(waitpid(pid, NULL, 0));
    assert_free();
    close(ends[0]);
    close(ends[1]);
}

static void
test_not_inherited(void)
{
    TbDialogLock *lock = tb_dialog_lock_take(NULL);
    const char *const argv[] = {"/bin/sleep", "30", NULL};
    GPid pid;

    g_assert_nonnull(lock);
    g_assert_true(g_spawn_async(NULL, (char **)(guintptr)argv, NULL,
                                G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN, NULL,
                                NULL, &pid, NULL));
    tb_dialog_lock_free(lock);
    assert_free();
    g_assert_no_errno(kill(pid, SIGKILL));
    g_assert_no_errno(waitpid(pid, NULL, 0));
}

/* A child between fork and exec has a copy of the descriptor; the lock is free all the same. */
static void
test_copy_in_a_starting_child(void)
{
    TbDialogLock *lock = tb_dialog_lock_take(NULL);
    pid_t pid;

    g_assert_nonnull(lock);
    pid = fork();
    if (pid == 0) {
        for (;;)
            pause();
    }
    tb_dialog_lock_free(lock);
    assert_free();
    g_assert_no_errno(kill(pid, SIGKILL));
    g_assert_no_errno(waitpid(pid, NULL, 0));
}

static void
test_files(void)
{
    g_autofree char *directory = tb_test_path("XDG_RUNTIME_DIR/tokenbridge");
    g_autofree char *path = tb_test_path("XDG_RUNTIME_DIR/tokenbridge/dialog.lock");
    struct stat info;

    assert_free();
    g_assert_no_errno(stat(directory, &info));
    g_assert_cmpuint(info.st_mode & 0777, ==, 0700);
    g_assert_no_errno(stat(path, &info));
    g_assert_cmpuint(info.st_mode & 0777, ==, 0600);
}

static void
assert_internal(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(tb_dialog_lock_take(&error));
    g_assert_error(error, TB_FAULT, TB_REASON_INTERNAL);
}

/* Another user's directory, a link, a file, or one that others may enter is not used. */
static void
test_bad_directories(void)
{
    g_autofree char *directory = tb_test_path("XDG_RUNTIME_DIR/tokenbridge");
    g_autofree char *aside = tb_test_path("XDG_RUNTIME_DIR/aside");
    g_autofree char *file = NULL;

    assert_free();
    g_assert_no_errno(chmod(directory, 0755));
    assert_internal();
    g_assert_no_errno(chmod(directory, 0700));

    g_assert_no_errno(g_rename(directory, aside));
    g_assert_no_errno(symlink(aside, directory));
    assert_internal();
    g_assert_no_errno(unlink(directory));

    file = tb_test_write("XDG_RUNTIME_DIR/tokenbridge", "");
    assert_internal();
    g_assert_no_errno(unlink(file));

    if (getuid() == 0) {
        g_assert_no_errno(mkdir(directory, 0700));
        g_assert_no_errno(chown(directory, 12345, 12345));
        assert_internal();
        g_assert_no_errno(rmdir(directory));
    }
    g_assert_no_errno(g_rename(aside, directory));
    assert_free();
}

static void
test_link_in_place_of_the_file(void)
{
    g_autofree char *path = tb_test_path("XDG_RUNTIME_DIR/tokenbridge/dialog.lock");
    g_autofree char *target = tb_test_path("target");

    assert_free();
    g_assert_no_errno(unlink(path));
    g_assert_no_errno(symlink(target, path));
    assert_internal();
    g_assert_false(g_file_test(target, G_FILE_TEST_EXISTS));
    g_assert_no_errno(unlink(path));
}

static void
test_no_runtime_directory(void)
{
    g_autofree char *runtime = g_strdup(g_getenv("XDG_RUNTIME_DIR"));
    g_autofree char *missing = tb_test_path("missing/deeper");

    g_assert_true(g_setenv("XDG_RUNTIME_DIR", missing, TRUE));
    assert_internal();
    g_assert_true(g_setenv("XDG_RUNTIME_DIR", runtime, TRUE));
}

int
main(int argc, char **argv)
{
    tb_test_begin(&argc, &argv);
    g_test_add_func("/dialog-lock/same-process", test_same_process);
    g_test_add_func("/dialog-lock/other-process", test_other_process);
    g_test_add_func("/dialog-lock/killed-holder", test_killed_holder);
    g_test_add_func("/dialog-lock/not-inherited", test_not_inherited);
    g_test_add_func("/dialog-lock/copy-in-a-starting-child", test_copy_in_a_starting_child);
    g_test_add_func("/dialog-lock/files", test_files);
    g_test_add_func("/dialog-lock/bad-directories", test_bad_directories);
    g_test_add_func("/dialog-lock/link-in-place-of-the-file", test_link_in_place_of_the_file);
    g_test_add_func("/dialog-lock/no-runtime-directory", test_no_runtime_directory);
    return tb_test_end();
}
