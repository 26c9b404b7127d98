/* A disk that fails at the n-th call: loaded before the C library (LD_PRELOAD), it counts what writes to files below one folder.
 *
 * PREAU_SHIM_FOLDER  only files below it count        PREAU_SHIM_NTH    the call that fails, from 1; 0: none, only count
 * PREAU_SHIM_ERRNO   with this error                  PREAU_SHIM_STAY   1: all later calls fail too, as on a disk that stays full
 * PREAU_SHIM_CALLS   a file of 8 bytes: calls so far, shared with whoever looks, and still there when the process is gone
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

static const char *folder;
static long nth, stay;
static int error_number;
static long *calls;

static long number_of(const char *name)
{
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

/* From here on calls count. Who forks processes of this kind calls it in each, with the environment set anew. */
__attribute__((constructor)) void preau_shim_arm(void)
{
    const char *path = getenv("PREAU_SHIM_CALLS");
    int file = path ? open(path, O_RDWR) : -1;
    void *shared = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *calls, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

    if (file >= 0)
        close(file);
    if (shared == MAP_FAILED)
        return;
    nth = number_of("PREAU_SHIM_NTH");
    stay = number_of("PREAU_SHIM_STAY");
    error_number = (int)number_of("PREAU_SHIM_ERRNO");
    calls = shared;
    folder = getenv("PREAU_SHIM_FOLDER");
}

/* Whether this call on an open file is the one that fails. */
static int fails(int file)
{
    char link[64], path[4096];
    ssize_t length;
    long number;

    if (!folder)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    if (strncmp(path, folder, strlen(folder)) != 0)
        return 0;
    number = __atomic_add_fetch(calls, 1, __ATOMIC_SEQ_CST);
    if (nth == 0 || number < nth || (number > nth && !stay))
        return 0;
    errno = error_number;
    return 1;
}

#define CALL(type, name, parameters, arguments)                                       \
    type name parameters                                                              \
    {                                                                                 \
        static type(*real) parameters;                                                \
        if (!real)                                                                    \
            real = (type(*) parameters)dlsym(RTLD_NEXT, #name);                       \
        return fails(file) ? -1 : real arguments;                                     \
    }

CALL(ssize_t, write, (int file, const void *from, size_t size), (file, from, size))
CALL(ssize_t, pwrite, (int file, const void *from, size_t size, off_t at), (file, from, size, at))
CALL(ssize_t, pwrite64, (int file, const void *from, size_t size, off64_t at), (file, from, size, at))
CALL(int, ftruncate, (int file, off_t size), (file, size))
CALL(int, ftruncate64, (int file, off64_t size), (file, size))
CALL(int, fsync, (int file), (file))
CALL(int, fdatasync, (int file), (file))
