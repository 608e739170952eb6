/* Loaded into the server (LD_PRELOAD): remembers of every file in one folder what has been written since the last sync, so that a power cut can be
 * played afterwards by taking that back (power.rs). Before a write, the bytes that it will overwrite and the file's length are appended to
 * FILE.unsynced; a sync of the file empties that. What is kept for it survives `kill -9` as the page cache does.
 *
 * A record: offset, length of the old bytes, length of the file (three 64-bit numbers, native), then the old bytes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define MOST 4096
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* By descriptor: the file of notes, -1 for one that is not watched, 0 for one that has not been looked at. */
static int notes[MOST];

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_close)(int);

__attribute__((constructor)) static void begin(void) {
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_write = dlsym(RTLD_NEXT, "write");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_close = dlsym(RTLD_NEXT, "close");
}

static int ends_with(const char *text, const char *end) {
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

/* With the lock held. */
static int notes_of(int fd) {
    if (fd < 3 || fd >= MOST) return -1;
    if (notes[fd] != 0) return notes[fd];
    char link[64], path[4096], name[4200];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    const char *folder = getenv("POWER_CUT_FOLDER");
    notes[fd] = -1;
    if (length <= 0 || !folder) return -1;
    path[length] = 0;
    /* The shared memory beside a write-ahead log is made anew at every start; notes are not watched themselves. */
    if (strncmp(path, folder, strlen(folder)) != 0 || ends_with(path, "-shm") || ends_with(path, ".unsynced")) return -1;
    if (!strstr(path, ".sqlite")) return -1;
    snprintf(name, sizeof name, "%s.unsynced", path);
    int file = open(name, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    if (file > 0) notes[fd] = file;
    return notes[fd];
}

static void note(int fd, off_t offset, size_t count) {
    pthread_mutex_lock(&lock);
    int file = notes_of(fd);
    struct stat about;
    if (file > 0 && fstat(fd, &about) == 0) {
        int64_t old = about.st_size - offset;
        if (old < 0) old = 0;
        if (old > (int64_t)count) old = (int64_t)count;
        size_t size = 24 + (size_t)old;
        char *record = malloc(size);
        int64_t head[3] = {offset, old, about.st_size};
        memcpy(record, head, 24);
        if (old > 0 && pread(fd, record + 24, (size_t)old, offset) != old) abort();
        if (real_write(file, record, size) != (ssize_t)size) abort();
        free(record);
    }
    pthread_mutex_unlock(&lock);
}

static void synced(int fd) {
    pthread_mutex_lock(&lock);
    int file = notes_of(fd);
    if (file > 0 && real_ftruncate(file, 0) != 0) abort();
    pthread_mutex_unlock(&lock);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t offset) {
    note(fd, offset, count);
    return real_pwrite(fd, bytes, count, offset);
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return pwrite64(fd, bytes, count, offset); }

int ftruncate64(int fd, off_t length) {
    struct stat about;
    if (fstat(fd, &about) == 0 && about.st_size > length) note(fd, length, (size_t)(about.st_size - length));
    return real_ftruncate(fd, length);
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

/* A disk that takes its time: otherwise hardly any cut would fall between a write and its sync. */
static void slow_disk(void) {
    usleep(3000);
}

int fsync(int fd) {
    slow_disk();
    int done = real_fsync(fd);
    if (done == 0) synced(fd);
    return done;
}
int fdatasync(int fd) {
    slow_disk();
    int done = real_fdatasync(fd);
    if (done == 0) synced(fd);
    return done;
}

int close(int fd) {
    pthread_mutex_lock(&lock);
    if (fd >= 3 && fd < MOST) {
        if (notes[fd] > 0) real_close(notes[fd]);
        notes[fd] = 0;
    }
    pthread_mutex_unlock(&lock);
    return real_close(fd);
}
