/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks a serialised origin (RFC 6454, 6.2). The string comes from the extension, which has it
 * from the browser; it is checked all the same, because it is what gets signed. Nothing is
 * normalised: a string that is not already in the one right form is refused.
 */
#include "tokenbridge/origin.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IPV6_GROUPS 8

static bool
is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* A label of a host name: 1 to 63 letters, digits, hyphens (inside) and the underscore that
 * browsers accept. Punycode labels ("xn--") are of this form too. */
static bool
label_is_good(const char *label, size_t length)
{
    if (length == 0 || length > 63 || label[0] == '-' || label[length - 1] == '-')
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!is_lower_alnum(label[i]) && label[i] != '-' && label[i] != '_')
            return false;
    }
    return true;
}

/* The WHATWG URL standard reads a host whose last label is a number as an IPv4 address, so such a
 * host must be one in its only serialised form. */
static bool
ends_in_number(const char *host)
{
    const char *last = strrchr(host, '.');

    last = last ? last + 1 : host;
    if (last[0] == '0' && last[1] == 'x')
        return strspn(last + 2, "0123456789abcdef") == strlen(last + 2);
    return *last && strspn(last, "0123456789") == strlen(last);
}

static bool
name_is_good(const char *host)
{
    const char *label = host;

    if (ends_in_number(host)) {
        struct in_addr address;
        char text[INET_ADDRSTRLEN];

        return inet_pton(AF_INET, host, &address) == 1 &&
               inet_ntop(AF_INET, &address, text, sizeof text) && strcmp(text, host) == 0;
    }
    for (;;) {
        size_t length = strcspn(label, ".");

        if (!label_is_good(label, length))
            return false;
        if (!label[length])
            return true;
        label += length + 1;
    }
}

/* The IPv6 serializer of the WHATWG URL standard: the first longest run of two or more zero groups
 * becomes "::". inet_ntop will not do, it writes some addresses (::ffff:1.2.3.4) with dots. */
static void
ipv6_serialise(const struct in6_addr *address, char *out, size_t size)
{
    size_t run_start = IPV6_GROUPS, run_length = 1; /* none yet */
    size_t length = 0;

    for (size_t i = 0, start = 0; i < IPV6_GROUPS; i++) {
        if (address->s6_addr[2 * i] || address->s6_addr[2 * i + 1])
            start = i + 1;
        if (i + 1 - start > run_length) {
            run_start = start;
            run_length = i + 1 - start;
        }
    }
    for (size_t i = 0; i < IPV6_GROUPS; i++) {
        bool in_run = i >= run_start && i < run_start + run_length;
        unsigned int group =
            (unsigned int)address->s6_addr[2 * i] << 8 | address->s6_addr[2 * i + 1];
        int written;

        if (in_run && i > run_start)
            continue;
        if (in_run)
            written = snprintf(out + length, size - length, i == 0 ? "::" : ":");
        else
            written =
                snprintf(out + length, size - length, i + 1 < IPV6_GROUPS ? "%x:" : "%x", group);
        length += (size_t)written;
    }
}

static bool
ipv6_is_good(const char *address)
{
    struct in6_addr parsed;
    char text[INET6_ADDRSTRLEN];

    if (inet_pton(AF_INET6, address, &parsed) != 1)
        return false;
    ipv6_serialise(&parsed, text, sizeof text);
    return strcmp(text, address) == 0;
}

static bool
port_is_good(const char *port, bool https)
{
    size_t length = strlen(port);
    long value;

    if (length == 0 || length > 5 || port[0] == '0' || strspn(port, "0123456789") != length)
        return false;
    value = strtol(port, NULL, 10);
    return value <= 65535 && value != (https ? 443 : 80);
}

/* RFC 3986, 3.1, in lower case. */
static bool
scheme_is_good(const char *scheme, size_t length)
{
    return scheme[0] >= 'a' && scheme[0] <= 'z' &&
           strspn(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == length;
}

static bool
host_is_local(const char *host)
{
    size_t length = strlen(host);
    const char *suffix = ".localhost";
    size_t suffix_length = strlen(suffix);

    return strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 ||
           strcmp(host, "[::1]") == 0 ||
           (length > suffix_length && strcmp(host + length - suffix_length, suffix) == 0);
}

static TbStatus
check_host(char *host, TbError *error)
{
    size_t length = strlen(host);
    bool good;

    if (host[0] == '[') {
        if (length < 2 || host[length - 1] != ']')
            return tb_error_set(error, TB_ERROR_INVALID, "the origin's IPv6 address is not closed");
        host[length - 1] = '\0';
        good = ipv6_is_good(host + 1);
        host[length - 1] = ']';
    } else {
        good = name_is_good(host);
    }
    if (!good)
        return tb_error_set(error, TB_ERROR_INVALID,
                            "the origin's host is not a host name in lower-case ASCII (punycode)");
    return TB_OK;
}

TbStatus
tb_origin_check(const char *origin, TbError *error)
{
    char host[TB_ORIGIN_MAX + 1];
    const char *rest = strstr(origin, "://");
    char *port;
    bool https, http;
    TbStatus status;

    if (strlen(origin) > TB_ORIGIN_MAX)
        return tb_error_set(error, TB_ERROR_INVALID, "the origin is longer than %d bytes",
                            TB_ORIGIN_MAX);
    if (!rest || !scheme_is_good(origin, (size_t)(rest - origin)))
        return tb_error_set(error, TB_ERROR_INVALID, "the origin is not of the form https://host");
    https = rest - origin == 5 && memcmp(origin, "https", 5) == 0;
    http = rest - origin == 4 && memcmp(origin, "http", 4) == 0;
    if (!https && !http)
        return tb_error_set(error, TB_ERROR_REFUSED, "the origin's scheme is not https");
    rest += 3;
    if (strpbrk(rest, "/?#\\"))
        return tb_error_set(error, TB_ERROR_INVALID, "the origin has a path, query or fragment");
    if (strchr(rest, '@'))
        return tb_error_set(error, TB_ERROR_INVALID, "the origin has a user name");
    memcpy(host, rest, strlen(rest) + 1);
    port = strrchr(host, ':');
    if (port && !strchr(port, ']')) {
        *port++ = '\0';
        if (!port_is_good(port, https))
            return tb_error_set(
                error, TB_ERROR_INVALID,
                "the origin's port is not 1 to 65535, or is the default written out");
    }
    status = check_host(host, error);
    if (status != TB_OK)
        return status;
    if (http && !host_is_local(host))
        return tb_error_set(error, TB_ERROR_REFUSED,
                            "the origin is plain http; only https, or http on localhost, may ask");
    return TB_OK;
}
