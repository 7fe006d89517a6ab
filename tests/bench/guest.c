/* Figures of guests: start and destroy, and how long after QEMU's end the destroy call comes back. */
#define _GNU_SOURCE
#include "client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char name[] = "bench-guest";

static char *guest(void)
{
    return text("<domain type='%s'><name>%s</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>"
                "<os><type arch='x86_64' machine='pc'>hvm</type><kernel>%s</kernel></os><features><acpi/></features>"
                "<devices><controller type='usb' model='none'/><serial type='pty'/><console type='pty'/>"
                "<memballoon model='none'/></devices></domain>", options.type, name, options.kernel);
}

/* ---- the emulator's process ---- */

/* Does the process have the guest's name among its arguments, as "guest=NAME,..."? */
static bool is_emulator(const char *pid)
{
    char path[64], arguments[4096];
    char want[64];
    snprintf(path, sizeof(path), "/proc/%.20s/cmdline", pid);
    int want_length = snprintf(want, sizeof(want), "guest=%s", name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, arguments, sizeof(arguments));
    if (file >= 0)
        close(file);
    return length > 0 && memmem(arguments, length, want, want_length);
}

/* A pidfd of the guest's emulator, -1 if there is none. */
static int emulator(void)
{
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    int found = -1;
    while (processes && found < 0 && (entry = readdir(processes)))
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && is_emulator(entry->d_name))
            found = syscall(SYS_pidfd_open, atoi(entry->d_name), 0);
    if (processes)
        closedir(processes);
    return found;
}

struct end {
    int pidfd;
    int64_t at;                 /* when the process ended; 0: it did not in time */
};

static void *await_end(void *context)
{
    struct end *end = context;
    struct pollfd poll_for = { .fd = end->pidfd, .events = POLLIN };
    int ready;
    do
        ready = poll(&poll_for, 1, options.wait * 1000);
    while (ready < 0 && errno == EINTR);
    end->at = ready == 1 ? now() : 0;
    return NULL;
}

/* ---- rounds ---- */

struct times {
    struct samples start, destroy, after_end;
};

static int destroy(virDomainPtr domain, struct times *times)
{
    struct end end = { .pidfd = emulator() };
    pthread_t thread;
    bool watched = end.pidfd >= 0 && pthread_create(&thread, NULL, await_end, &end) == 0;
    int64_t begin = now();
    int result = virDomainDestroy(domain);
    int64_t back = now();
    if (watched)
        pthread_join(thread, NULL);
    if (end.pidfd >= 0)
        close(end.pidfd);
    if (result < 0)
        return failed("destroy");
    sample(&times->destroy, back - begin);
    if (!watched || !end.at)
        return failed("the emulator's end was not seen");
    sample(&times->after_end, back - end.at);
    return 0;
}

static int one_round(virDomainPtr domain, unsigned flags, struct times *times)
{
    int state = -1, expected = flags & VIR_DOMAIN_START_PAUSED ? VIR_DOMAIN_PAUSED : VIR_DOMAIN_RUNNING;
    int64_t begin = now();
    if (virDomainCreateWithFlags(domain, flags) < 0)
        return failed("start");
    sample(&times->start, now() - begin);
    if (virDomainGetState(domain, &state, NULL, 0) < 0 || state != expected)
        failed("state %d instead of %d after the start", state, expected);
    return destroy(domain, times);
}

static void rounds(virDomainPtr domain, unsigned flags, const char *kind)
{
    struct times times = { { 0 }, { 0 }, { 0 } };
    const char *accelerator = strcmp(options.type, "kvm") ? "tcg" : "kvm";
    for (long i = 0; i < options.count; i++)
        if (one_round(domain, flags, &times) < 0)
            break;
    char *start = text("guest-%s-%s.start", accelerator, kind);
    char *end = text("guest-%s-%s.destroy", accelerator, kind);
    char *after = text("guest-%s-%s.after-exit", accelerator, kind);
    latencies(&times.start, start, "ms");
    latencies(&times.destroy, end, "ms");
    latencies(&times.after_end, after, "ms");
    free(start);
    free(end);
    free(after);
}

int run_guest(void)
{
    virConnectPtr connection = connect_or_exit();
    char *xml = guest();
    virDomainPtr domain = virDomainDefineXML(connection, xml);
    free(xml);
    if (!domain)
        return failed("define the guest");
    rounds(domain, VIR_DOMAIN_START_PAUSED, "paused");
    rounds(domain, 0, "running");
    if (virDomainIsActive(domain) == 1)
        virDomainDestroy(domain);
    if (virDomainUndefine(domain) < 0)
        failed("undefine the guest");
    virDomainFree(domain);
    return virConnectClose(connection);
}
