/* Figures of one client's calls: connections, definitions, lists, statistics; and of the daemon's first answers. */
#define _GNU_SOURCE
#include "client.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---- connections and the cheapest call ---- */

static int open_and_close(void *context, unsigned long turn)
{
    (void)context;
    (void)turn;
    virConnectPtr connection = virConnectOpen(options.uri);
    return connection ? virConnectClose(connection) : -1;
}

int run_connect(void)
{
    measure("connect", open_and_close, NULL);
    return 0;
}

static int ping(void *connection, unsigned long turn)
{
    unsigned long version;
    (void)turn;
    return virConnectGetLibVersion(connection, &version);
}

int run_ping(void)
{
    virConnectPtr connection = connect_or_exit();
    measure("ping", ping, connection);
    return virConnectClose(connection);
}

/* ---- definitions ---- */

char *definition_name(unsigned long number)
{
    return text("bench-%05lu", number);
}

static char *definition(unsigned long number)
{
    return text(
        "<domain type='qemu'>"
        "<name>bench-%05lu</name><uuid>0f1e2d3c-0000-4000-8000-%012lx</uuid><title>Number %lu</title>"
        "<memory unit='GiB'>2</memory><vcpu>2</vcpu>"
        "<os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/><apic/></features>"
        "<devices>"
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
        "<source file='/nowhere/system-%lu.qcow2'/><target dev='vda' bus='virtio'/><boot order='1'/></disk>"
        "<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
        "<source file='/nowhere/data-%lu.img'/><target dev='vdb' bus='virtio'/></disk>"
        "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>"
        "<interface type='user'><mac address='52:54:00:%02lx:%02lx:%02lx'/><model type='virtio'/></interface>"
        "<serial type='pty'/><console type='pty'/>"
        "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
        "<input type='tablet' bus='usb'/><graphics type='vnc' autoport='yes'/><video><model type='vga'/></video>"
        "<memballoon model='virtio'/><rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"
        "</devices></domain>",
        number, number, number, number, number, number >> 16 & 0xff, number >> 8 & 0xff, number & 0xff);
}

virDomainPtr define(virConnectPtr connection, unsigned long number)
{
    char *xml = definition(number);
    virDomainPtr domain = virDomainDefineXML(connection, xml);
    free(xml);
    return domain;
}

/* Ends a series of calls, one after another since BEGIN, in figures. */
static void series(struct samples *samples, const char *name, struct cpu cpu, int64_t begin)
{
    size_t calls = samples->length;
    if (!calls)
        return;
    figure(calls * 1e9 / (now() - begin), "1/s", "%s.rate", name);
    cpu_since(cpu, name, calls);
    latencies(samples, name, "us");
}

int populate(struct population *all, const char *name)
{
    struct samples samples = { 0 };
    all->domains = calloc(options.domains + 1, sizeof(*all->domains));
    all->names = calloc(options.domains + 1, sizeof(*all->names));
    struct cpu cpu = cpu_now();
    int64_t begin = now(), at = begin;
    for (; all->length < (unsigned long)options.domains; all->length++) {
        unsigned long number = options.from + all->length;
        int64_t start = at;
        if (!(all->domains[all->length] = define(all->connection, number)))
            return failed("define number %lu", number);
        all->names[all->length] = definition_name(number);
        at = now();
        sample(&samples, at - start);
    }
    if (name)
        series(&samples, name, cpu, begin);
    free(samples.ns);
    return 0;
}

int depopulate(struct population *all, const char *name)
{
    struct samples samples = { 0 };
    int result = 0;
    struct cpu cpu = cpu_now();
    int64_t begin = now(), at = begin;
    for (unsigned long i = 0; i < all->length; i++) {
        int64_t start = at;
        if (virDomainUndefine(all->domains[i]) < 0)
            result = failed("undefine %s", all->names[i]);
        virDomainFree(all->domains[i]);
        free(all->names[i]);
        at = now();
        sample(&samples, at - start);
    }
    if (name && result == 0)
        series(&samples, name, cpu, begin);
    free(samples.ns);
    free(all->domains);
    free(all->names);
    return result;
}

int run_populate(void)
{
    struct population all = { .connection = connect_or_exit() };
    return populate(&all, NULL);
}

/* ---- what clients read ---- */

/* Far from the one before, so that no cache of the last one helps. */
static unsigned long pick(const struct population *all, unsigned long turn)
{
    return turn * 7919 % all->length;
}

int look_up(void *context, unsigned long turn)
{
    struct population *all = context;
    virDomainPtr domain = virDomainLookupByName(all->connection, all->names[pick(all, turn)]);
    return domain ? virDomainFree(domain) : -1;
}

int read_info(void *context, unsigned long turn)
{
    struct population *all = context;
    virDomainInfo info;
    return virDomainGetInfo(all->domains[pick(all, turn)], &info);
}

int read_state(void *context, unsigned long turn)
{
    struct population *all = context;
    int state, reason;
    return virDomainGetState(all->domains[pick(all, turn)], &state, &reason, 0);
}

int read_xml(void *context, unsigned long turn)
{
    struct population *all = context;
    char *xml = virDomainGetXMLDesc(all->domains[pick(all, turn)], 0);
    free(xml);
    return xml ? 0 : -1;
}

int read_list(void *context, unsigned long turn)
{
    struct population *all = context;
    virDomainPtr *list = NULL;
    (void)turn;
    int length = virConnectListAllDomains(all->connection, &list, 0);
    for (int i = 0; i < length; i++)
        virDomainFree(list[i]);
    free(list);
    return length < (long)all->length ? -1 : 0;
}

static int read_statistics(void *context, unsigned long turn)
{
    struct population *all = context;
    virDomainStatsRecordPtr *records = NULL;
    (void)turn;
    int length = virConnectGetAllDomainStats(all->connection, 0, &records, 0);
    virDomainStatsRecordListFree(records);
    return length < (long)all->length ? -1 : 0;
}

int read_statistics_of_one(void *context, unsigned long turn)
{
    struct population *all = context;
    virDomainPtr one[] = { all->domains[pick(all, turn)], NULL };
    virDomainStatsRecordPtr *records = NULL;
    int length = virDomainListGetStats(one, 0, &records, 0);
    virDomainStatsRecordListFree(records);
    return length == 1 ? 0 : -1;
}

int run_scale(void)
{
    static const struct {
        const char *name;
        operation *run;
    } reads[] = {
        { "lookup", look_up }, { "info", read_info }, { "dumpxml", read_xml },
        { "list", read_list }, { "stats", read_statistics },
    };
    struct population all = { .connection = connect_or_exit() };
    char *name = text("define-%ld", options.domains);
    int result = populate(&all, name);
    free(name);
    for (size_t i = 0; result == 0 && all.length && i < sizeof(reads) / sizeof(*reads); i++) {
        name = text("%s-%ld", reads[i].name, options.domains);
        measure(name, reads[i].run, &all);
        free(name);
    }
    name = text("undefine-%ld", options.domains);
    if (depopulate(&all, name) < 0)
        result = -1;
    free(name);
    virConnectClose(all.connection);
    return result;
}

/* ---- the daemon's start ---- */

/* Tries until the daemon answers, ends, or the time is up. */
static virConnectPtr first_connection(void)
{
    struct pollfd ended = { .fd = syscall(SYS_pidfd_open, options.daemon, 0), .events = POLLIN };
    virConnectPtr connection;
    for (int64_t end = now() + options.wait * 1000000000; !(connection = virConnectOpen(options.uri)) && now() < end;)
        if (ppoll(&ended, 1, &(struct timespec){ .tv_nsec = 300000 }, NULL) > 0)
            break;
    if (ended.fd >= 0)
        close(ended.fd);
    return connection;
}

int run_first(void)
{
    virConnectPtr connection = first_connection();
    if (!connection)
        return failed("no connection");
    figure((now() - options.since) / 1e6, "ms", "open");
    int defined = virConnectNumOfDefinedDomains(connection);
    if (defined < 0)
        failed("count the definitions");
    else if (defined != options.domains)
        failed("%d definitions instead of %ld", defined, options.domains);
    else
        figure((now() - options.since) / 1e6, "ms", "counted");
    char *capabilities = virConnectGetCapabilities(connection);
    if (!capabilities)
        failed("capabilities");
    else
        figure((now() - options.since) / 1e6, "ms", "capabilities");
    free(capabilities);
    return virConnectClose(connection);
}
