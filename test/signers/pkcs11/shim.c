/*
 * A PKCS#11 module with planted faults around another one ($SHIM_MODULE). Each call is written into $SHIM_LOG. Each line of
 * $SHIM_FAULTS is a fault: FUNCTION FIRST LAST ACTION NUMBER, from the FIRST to the LAST call of it in this process (0: to
 * the end). Actions: ckr, sleep (milliseconds), abort, flags (of CK_TOKEN_INFO, added), corrupt (a signature), remove (the
 * token: the call and all that follow find none, as long as the file says so).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "pkcs11.h"

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST ours;
static int removed;

enum function { INITIALIZE, SLOTS, TOKEN, OPEN, LOGIN, FIND, INIT, SIGN, GENERATE, FUNCTIONS };
static const char *const names[FUNCTIONS] = {"C_Initialize", "C_GetSlotList", "C_GetTokenInfo", "C_OpenSession", "C_Login",
                                             "C_FindObjectsInit", "C_SignInit", "C_Sign", "C_GenerateKeyPair"};
static unsigned calls[FUNCTIONS];

/* What is to happen in this call beside or in place of the real one. */
struct fault {
  CK_RV rv;
  CK_FLAGS flags;
  int corrupt;
};

static void note(const char *text)
{
  const char *path = getenv("SHIM_LOG");
  int fd = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (fd < 0)
    return;
  if (write(fd, text, strlen(text)) < 0 || write(fd, "\n", 1) < 0)
    perror("shim");
  close(fd);
}

static struct fault plan(enum function function)
{
  struct fault fault = {CKR_OK, 0, 0};
  char name[32], action[16];
  unsigned first, last;
  unsigned long number;
  unsigned call = ++calls[function];
  const char *path = getenv("SHIM_FAULTS");
  FILE *file = path == NULL ? NULL : fopen(path, "r");
  int away = 0;
  while (file != NULL && fscanf(file, "%31s %u %u %15s %lu", name, &first, &last, action, &number) == 5) {
    away |= strcmp(action, "remove") == 0;
    if (strcmp(name, names[function]) != 0 || call < first || (last != 0 && call > last))
      continue;
    if (strcmp(action, "ckr") == 0)
      fault.rv = number;
    if (strcmp(action, "flags") == 0)
      fault.flags |= number;
    if (strcmp(action, "corrupt") == 0)
      fault.corrupt = 1;
    if (strcmp(action, "remove") == 0) {
      removed = 1;
      fault.rv = CKR_DEVICE_REMOVED;
    }
    if (strcmp(action, "sleep") == 0) {
      struct timespec time = {number / 1000, number % 1000 * 1000000};
      nanosleep(&time, NULL);
    }
    if (strcmp(action, "abort") == 0) {
      fprintf(stderr, "shim: out of luck\n");
      abort();
    }
  }
  if (file != NULL)
    fclose(file);
  removed &= away;
  if (removed && fault.rv == CKR_OK)
    fault.rv = CKR_TOKEN_NOT_PRESENT;
  note(names[function]);
  return fault;
}

static CK_RV initialize(CK_VOID_PTR given)
{
  struct fault fault = plan(INITIALIZE);
  CK_C_INITIALIZE_ARGS args = {0};
  CK_C_INITIALIZE_ARGS *theirs = given;
  char text[256];
  args.flags = theirs == NULL ? 0 : theirs->flags;
  /* NSS's arguments have the text where the reserved pointer is. */
  snprintf(text, sizeof text, "  flags %lu, arguments %s", (unsigned long)args.flags,
           getenv("SHIM_ARGUMENTS") == NULL ? "none" : (char *)theirs->pReserved);
  note(text);
  CK_RV rv = real->C_Initialize(&args);
  return fault.rv != CKR_OK ? fault.rv : rv;
}

static CK_RV slots(CK_BBOOL present, CK_SLOT_ID_PTR list, CK_ULONG_PTR count)
{
  struct fault fault = plan(SLOTS);
  if (removed) {
    *count = 0;
    return CKR_OK;
  }
  return fault.rv != CKR_OK ? fault.rv : real->C_GetSlotList(present, list, count);
}

static CK_RV token(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
  struct fault fault = plan(TOKEN);
  CK_RV rv = fault.rv != CKR_OK ? fault.rv : real->C_GetTokenInfo(slot, info);
  if (rv == CKR_OK)
    info->flags |= fault.flags;
  return rv;
}

static CK_RV session(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR data, CK_NOTIFY notify, CK_SESSION_HANDLE_PTR handle)
{
  struct fault fault = plan(OPEN);
  return fault.rv != CKR_OK ? fault.rv : real->C_OpenSession(slot, flags, data, notify, handle);
}

static CK_RV login(CK_SESSION_HANDLE handle, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG length)
{
  struct fault fault = plan(LOGIN);
  char text[64];
  snprintf(text, sizeof text, "  user %lu, PIN of %lu", user, length);
  note(text);
  return fault.rv != CKR_OK ? fault.rv : real->C_Login(handle, user, pin, length);
}

static CK_RV find(CK_SESSION_HANDLE handle, CK_ATTRIBUTE_PTR template, CK_ULONG count)
{
  struct fault fault = plan(FIND);
  return fault.rv != CKR_OK ? fault.rv : real->C_FindObjectsInit(handle, template, count);
}

static CK_RV init(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
  struct fault fault = plan(INIT);
  char text[64];
  snprintf(text, sizeof text, "  mechanism %lu", mechanism->mechanism);
  note(text);
  return fault.rv != CKR_OK ? fault.rv : real->C_SignInit(handle, mechanism, key);
}

static CK_RV sign(CK_SESSION_HANDLE handle, CK_BYTE_PTR data, CK_ULONG length, CK_BYTE_PTR signature, CK_ULONG_PTR size)
{
  struct fault fault = plan(SIGN);
  CK_RV rv = fault.rv != CKR_OK ? fault.rv : real->C_Sign(handle, data, length, signature, size);
  if (rv == CKR_OK && fault.corrupt)
    signature[*size / 2] ^= 1;
  return rv;
}

static CK_RV generate(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR a, CK_ULONG n,
                      CK_ATTRIBUTE_PTR b, CK_ULONG m, CK_OBJECT_HANDLE_PTR public_key, CK_OBJECT_HANDLE_PTR private_key)
{
  struct fault fault = plan(GENERATE);
  return fault.rv != CKR_OK ? fault.rv : real->C_GenerateKeyPair(handle, mechanism, a, n, b, m, public_key, private_key);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
  void *module = dlopen(getenv("SHIM_MODULE"), RTLD_NOW);
  CK_C_GetFunctionList get = module == NULL ? NULL : (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList");
  if (get == NULL || get(&real) != CKR_OK)
    return CKR_GENERAL_ERROR;
  ours = *real;
  ours.C_Initialize = initialize;
  ours.C_GetSlotList = slots;
  ours.C_GetTokenInfo = token;
  ours.C_OpenSession = session;
  ours.C_Login = login;
  ours.C_FindObjectsInit = find;
  ours.C_SignInit = init;
  ours.C_Sign = sign;
  ours.C_GenerateKeyPair = generate;
  *list = &ours;
  return CKR_OK;
}
