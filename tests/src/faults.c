/* Loaded into the server (LD_PRELOAD): what a machine may do to it, switched on and off by files in FAULTS_FOLDER.
 *
 *   disk-full   while it is there, no file under FAULTS_FOLDER/data grows: ENOSPC, as on a disk without a free block. Overwriting goes on.
 *   clock       seconds by which the wall clock is off, as a decimal number; the monotonic clock is left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PATHS 4096

static const char *folder(void) {
    static const char *known;
    if (!known) known = getenv("FAULTS_FOLDER");
    return known;
}

/* The system calls themselves: what is looked up here must not come back here. */
static int there(const char *name) {
    char path[PATHS];
    if (!folder()) return 0;
    snprintf(path, sizeof path, "%s/%s", folder(), name);
    return syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

/* Whether the disk has no room for what would end at this place of the file. */
static int full(int file, off_t end) {
    char link[64], path[PATHS], data[PATHS];
    struct stat at;
    if (!folder() || fstat(file, &at) != 0 || !S_ISREG(at.st_mode) || end <= at.st_size) return 0;
    if (!there("disk-full")) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    int prefix = snprintf(data, sizeof data, "%s/data/", folder());
    return strncmp(path, data, (size_t)prefix) == 0;
}

static ssize_t refuse(void) {
    errno = ENOSPC;
    return -1;
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    if (full(file, at + (off_t)count)) return refuse();
    return syscall(SYS_pwrite64, file, bytes, count, at);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) { return pwrite64(file, bytes, count, at); }

ssize_t write(int file, const void *bytes, size_t count) {
    off_t at = lseek(file, 0, SEEK_CUR);
    if (at >= 0 && full(file, at + (off_t)count)) return refuse();
    return syscall(SYS_write, file, bytes, count);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    off_t at = lseek(file, 0, SEEK_CUR), end = at;
    for (int i = 0; i < count; i++) end += (off_t)parts[i].iov_len;
    if (at >= 0 && full(file, end)) return refuse();
    return syscall(SYS_writev, file, parts, count);
}

int ftruncate64(int file, off64_t length) {
    if (full(file, length)) return (int)refuse();
    return (int)syscall(SYS_ftruncate, file, length);
}

int ftruncate(int file, off_t length) { return ftruncate64(file, length); }

int fallocate64(int file, int mode, off64_t at, off64_t length) {
    if (full(file, at + length)) return (int)refuse();
    return (int)syscall(SYS_fallocate, file, mode, at, length);
}

int fallocate(int file, int mode, off_t at, off_t length) { return fallocate64(file, mode, at, length); }

int posix_fallocate(int file, off_t at, off_t length) {
    if (full(file, at + length)) return ENOSPC;
    static int (*real)(int, off_t, off_t);
    if (!real) real = (int (*)(int, off_t, off_t))dlsym(RTLD_NEXT, "posix_fallocate");
    return real(file, at, length);
}

/* Read at most ten times a second, since the clock is read all the time. */
static long long offset(void) {
    static long long known;
    static struct timespec looked;
    struct timespec now;
    char path[PATHS], text[32] = {0};
    if (!folder()) return 0;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC_COARSE, &now);
    long long since = (now.tv_sec - looked.tv_sec) * 1000 + (now.tv_nsec - looked.tv_nsec) / 1000000;
    if (looked.tv_sec != 0 && since < 100) return known;
    looked = now;
    snprintf(path, sizeof path, "%s/clock", folder());
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return known = 0;
    if (syscall(SYS_read, file, text, sizeof text - 1) > 0) known = atoll(text);
    syscall(SYS_close, file);
    return known;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int outcome = (int)syscall(SYS_clock_gettime, clock, now);
    if (outcome == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += offset();
    return outcome;
}
