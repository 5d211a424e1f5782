/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: a "PKCS#11 module" that, as soon as it is loaded, tries what none needs, and writes
 * what came of it to the file named by TB_TEST_PRYING: "NAME ok" or "NAME ERRNO-NAME" a line. It is
 * no module otherwise. Test code only.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void
tell(int fd, const char *what, bool worked)
{
    int code = errno;

    dprintf(fd, "%s %s\n", what, worked ? "ok" : strerrorname_np(code));
}

static void
start_program(int fd)
{
    char name[] = "true";
    char *const argv[] = {name, NULL};
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        (void)execv("/bin/true", argv);
        tell(fd, "exec", false);
        _exit(1);
    }
    if (waitpid(pid, &status, 0) == pid && status == 0)
        tell(fd, "exec", true);
}

static void
listen_on_port(int fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    tell(fd, "listen", bind(listener, (const struct sockaddr *)&address, sizeof address) == 0);
    (void)close(listener);
}

static void
look_into_host(int fd)
{
    char byte;
    struct iovec here = {.iov_base = &byte, .iov_len = 1};
    struct iovec there = {.iov_base = (void *)16, .iov_len = 1};

    tell(fd, "vm-read",
         process_vm_readv(getppid(), &here, 1, &there, 1, 0) >= 0 || errno == EFAULT);
}

static void
read_home(int fd)
{
    const char *home = getenv("HOME");
    int directory = open(home ? home : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    tell(fd, "read-home", directory >= 0);
    if (directory >= 0)
        (void)close(directory);
}

__attribute__((constructor)) static void
pry(void)
{
    const char *path = getenv("TB_TEST_PRYING");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

    if (fd < 0)
        return;
    start_program(fd);
    listen_on_port(fd);
    look_into_host(fd);
    read_home(fd);
    (void)close(fd);
}
