/* Figures of many guests at once, started paused: each start, statistics and list of all, each destroy, and what the
 * daemon keeps in memory for each of them. */
#define _GNU_SOURCE
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *guest(long number)
{
    return text("<domain type='%s'><name>bench-crowd-%ld</name><memory unit='MiB'>16</memory><vcpu>1</vcpu>"
                "<os><type arch='x86_64' machine='pc'>hvm</type><kernel>%s</kernel></os><features><acpi/></features>"
                "<devices><controller type='usb' model='none'/><serial type='pty'/><console type='pty'/></devices>"
                "</domain>", options.type, number, options.kernel);
}

/* Anonymous resident memory of the daemon in KiB; -1 if it is unknown. */
static long memory(void)
{
    char path[64], line[256];
    long size = -1;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)options.daemon);
    FILE *file = options.daemon ? fopen(path, "re") : NULL;
    while (file && size < 0 && fgets(line, sizeof(line), file))
        if (sscanf(line, "RssAnon: %ld", &size) != 1)
            size = -1;
    if (file)
        fclose(file);
    return size;
}

static int read_all_statistics(void *context, unsigned long turn)
{
    (void)turn;
    virDomainStatsRecordPtr *records = NULL;
    int count = virConnectGetAllDomainStats(context, 0, &records, VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE);
    virDomainStatsRecordListFree(records);
    return count == options.count ? 0 : -1;
}

static int list_all(void *context, unsigned long turn)
{
    (void)turn;
    virDomainPtr *domains = NULL;
    int count = virConnectListAllDomains(context, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
    for (int i = 0; i < count; i++)
        virDomainFree(domains[i]);
    free(domains);
    return count == options.count ? 0 : -1;
}

static long start_all(virConnectPtr connection, virDomainPtr *guests)
{
    struct samples times = { 0 };
    long started = 0;
    for (; started < options.count; started++) {
        char *xml = guest(started);
        int64_t begin = now();
        guests[started] = virDomainCreateXML(connection, xml, VIR_DOMAIN_START_PAUSED);
        sample(&times, now() - begin);
        free(xml);
        if (!guests[started]) {
            failed("start guest %ld of %ld", started + 1, options.count);
            break;
        }
    }
    char *name = text("crowd-%ld.start", options.count);
    latencies(&times, name, "ms");
    free(name);
    return started;
}

static void destroy_all(virDomainPtr *guests, long count)
{
    struct samples times = { 0 };
    for (long i = 0; i < count; i++) {
        int64_t begin = now();
        if (virDomainDestroy(guests[i]) < 0)
            failed("destroy guest %ld", i + 1);
        sample(&times, now() - begin);
        virDomainFree(guests[i]);
    }
    char *name = text("crowd-%ld.destroy", options.count);
    latencies(&times, name, "ms");
    free(name);
}

int run_crowd(void)
{
    virConnectPtr connection = connect_or_exit();
    virDomainPtr *guests = calloc(options.count + 1, sizeof(*guests));
    long before = memory(), started = guests ? start_all(connection, guests) : 0, after = memory();
    if (started == options.count && started > 0) {
        if (before >= 0 && after >= 0)
            figure((double)(after - before) / started, "KiB", "crowd-%ld.memory-each", options.count);
        char *name = text("crowd-%ld.stats", options.count);
        measure(name, read_all_statistics, connection);
        free(name);
        name = text("crowd-%ld.list", options.count);
        measure(name, list_all, connection);
        free(name);
    }
    destroy_all(guests, started);
    free(guests);
    return virConnectClose(connection);
}
