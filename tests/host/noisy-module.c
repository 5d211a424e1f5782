/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: a PKCS#11 module that prints to standard output whenever it can, as some makers'
 * modules do, before it hands over to the real one (TB_WRAPPER_REAL). Test code only; one thread.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list);

static CK_FUNCTION_LIST own;
static CK_FUNCTION_LIST *real;

static void
shout(const char *where)
{
    static const char raw[] = "\x02\x00\x00\x00{}";

    printf("%s: this is no frame\n", where);
    (void)fflush(stdout);
    if (write(STDOUT_FILENO, raw, sizeof raw - 1) < 0) /* and this looks like one */
        abort();
}

static CK_RV
noisy_initialize(void *args)
{
    shout("C_Initialize");
    return real->C_Initialize(args);
}

static CK_RV
noisy_sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG length, CK_BYTE *signature,
           CK_ULONG *signature_length)
{
    shout("C_Sign");
    return real->C_Sign(session, data, length, signature, signature_length);
}

__attribute__((visibility("default"))) CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    const char *path = getenv("TB_WRAPPER_REAL");
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    CK_C_GetFunctionList get =
        library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;

    shout("C_GetFunctionList");
    if (!get || get(&real) != CKR_OK)
        return CKR_GENERAL_ERROR;
    own = *real;
    own.C_Initialize = noisy_initialize;
    own.C_Sign = noisy_sign;
    *list = &own;
    return CKR_OK;
}
