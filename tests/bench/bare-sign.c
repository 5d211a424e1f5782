/* SPDX-License-Identifier: Apache-2.0
 *
 * The least that a login and a signature cost: Cryptoki, no walls, no dialog, no checks. What the
 * real way through host, prompt and worker is compared with.
 *
 *     bare-sign MODULE PIN RUNS    logs in, signs with the first EC key, logs out, RUNS times;
 * prints each run's microseconds, a line each
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>
#include <p11-kit/pkcs11.h>

static void
must(CK_RV rv, const char *what)
{
    if (rv != CKR_OK) {
        fprintf(stderr, "bare-sign: %s: 0x%lx\n", what, rv);
        exit(1);
    }
}

static CK_FUNCTION_LIST *
load(const char *path)
{
    CK_C_GetFunctionList get;
    CK_FUNCTION_LIST *module;
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (!library) {
        fprintf(stderr, "bare-sign: %s\n", dlerror());
        exit(1);
    }
    *(void **)&get = dlsym(library, "C_GetFunctionList");
    must(get(&module), "C_GetFunctionList");
    must(module->C_Initialize(&args), "C_Initialize");
    return module;
}

static void
login_and_sign(CK_FUNCTION_LIST *module, CK_SLOT_ID slot, char *pin)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = CKK_EC;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}};
    CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
    CK_BYTE digest[32] = {1}, signature[256];
    CK_ULONG count, length = sizeof signature;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;

    must(module->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session), "C_OpenSession");
    must(module->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin)), "C_Login");
    must(module->C_FindObjectsInit(session, wanted, G_N_ELEMENTS(wanted)), "C_FindObjectsInit");
    must(module->C_FindObjects(session, &key, 1, &count), "C_FindObjects");
    must(module->C_FindObjectsFinal(session), "C_FindObjectsFinal");
    must(count == 1 ? CKR_OK : CKR_DATA_INVALID, "no EC key");
    must(module->C_SignInit(session, &mechanism, key), "C_SignInit");
    must(module->C_Sign(session, digest, sizeof digest, signature, &length), "C_Sign");
    must(module->C_Logout(session), "C_Logout");
    must(module->C_CloseSession(session), "C_CloseSession");
}

int
main(int argc, char **argv)
{
    CK_FUNCTION_LIST *module;
    CK_SLOT_ID slots[16];
    CK_ULONG count = G_N_ELEMENTS(slots);

    if (argc != 4) {
        fputs("Usage: bare-sign MODULE PIN RUNS\n", stderr);
        return 2;
    }
    module = load(argv[1]);
    must(module->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList");
    for (int run = atoi(argv[3]); run > 0; run--) {
        gint64 begin = g_get_monotonic_time();

        login_and_sign(module, slots[0], argv[2]);
        printf("%" G_GINT64_FORMAT "\n", g_get_monotonic_time() - begin);
    }
    fflush(stdout);
    _Exit(0);
}
