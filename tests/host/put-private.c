/* SPDX-License-Identifier: Apache-2.0
 *
 * Puts a certificate onto a token so that it shows only after login (CKA_PRIVATE), which
 * pkcs11-tool cannot.
 *
 *   put-private MODULE TOKEN-LABEL PIN CERTIFICATE.der ID
 *
 * Test code only: it trusts its arguments, and the PIN is a test PIN.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <p11-kit/pkcs11.h>

#define SLOTS_MAX 16

static void
check(CK_RV rv, const char *call)
{
    if (rv == CKR_OK)
        return;
    fprintf(stderr, "put-private: %s: 0x%lx\n", call, rv);
    exit(1);
}

static CK_FUNCTION_LIST *
load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW);
    CK_C_GetFunctionList get = NULL;
    CK_FUNCTION_LIST *p11 = NULL;

    if (library)
        *(void **)&get = dlsym(library, "C_GetFunctionList");
    check(get ? get(&p11) : CKR_GENERAL_ERROR, path);
    check(p11->C_Initialize(NULL), "C_Initialize");
    return p11;
}

static CK_SLOT_ID
find(const CK_FUNCTION_LIST *p11, const char *label)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;

    check(p11->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList");
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;

        if (p11->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            memcmp(info.label, label, strlen(label)) == 0)
            return slots[i];
    }
    check(CKR_TOKEN_NOT_PRESENT, label);
    return 0;
}

int
main(int argc, char **argv)
{
    static CK_BYTE der[16384];
    static const CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    static const CK_CERTIFICATE_TYPE type = CKC_X_509;
    static const CK_BBOOL yes = CK_TRUE;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE object;
    CK_FUNCTION_LIST *p11;
    size_t length;
    FILE *file;

    if (argc != 6 || !(file = fopen(argv[4], "rb")))
        return 2;
    length = fread(der, 1, sizeof der, file);
    (void)fclose(file);
    p11 = load(argv[1]);
    check(p11->C_OpenSession(find(p11, argv[2]), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                             &session),
          "C_OpenSession");
    check(p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)argv[3], strlen(argv[3])), "C_Login");
    {
        CK_BYTE id = (CK_BYTE)strtoul(argv[5], NULL, 16);
        CK_ATTRIBUTE attributes[] = {
            {CKA_CLASS, (void *)(size_t) & class, sizeof class},
            {CKA_CERTIFICATE_TYPE, (void *)(size_t)&type, sizeof type},
            {CKA_TOKEN, (void *)(size_t)&yes, sizeof yes},
            {CKA_PRIVATE, (void *)(size_t)&yes, sizeof yes},
            {CKA_SUBJECT, der, 1}, /* nobody looks at it; SoftHSM wants one */
            {CKA_ID, &id, sizeof id},
            {CKA_VALUE, der, length},
        };

        check(p11->C_CreateObject(session, attributes, sizeof attributes / sizeof *attributes,
                                  &object),
              "C_CreateObject");
    }
    (void)p11->C_Finalize(NULL);
    return 0;
}
