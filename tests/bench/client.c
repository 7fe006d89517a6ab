/*
 * The measuring client: one command, one group of figures, on one running daemon.
 *
 *   client COMMAND [--option=value...]     see usage()
 *
 * Figures go to standard output as "NAME VALUE UNIT", failures to standard error.
 * Exit status: 0 all measured, 1 wrong usage, 2 something could not be measured.
 */
#define _GNU_SOURCE
#include "client.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libvirt/virterror.h>

struct options options = {
    .uri = "qemu:///system", .type = "qemu", .millis = 1000, .count = 10, .clients = 16, .domains = 100, .wait = 30,
};

static int failures;

static const struct command {
    const char *name;
    int (*run)(void);
    const char *about;
} commands[] = {
    { "connect", run_connect, "open a connection and close it" },
    { "ping", run_ping, "the cheapest call, one after another" },
    { "scale", run_scale, "define --domains; look up, info, XML, list, statistics; undefine" },
    { "mixed", run_mixed, "--clients at once, reading mostly, on --domains definitions" },
    { "events", run_events, "from a definition by one client to the event at another" },
    { "guest", run_guest, "start and destroy a guest of --type with --kernel, paused and running" },
    { "crowd", run_crowd, "start --count guests of --type with --kernel, paused; list, statistics; destroy" },
    { "first", run_first, "wait for the daemon's first answers, timed from --since" },
    { "populate", run_populate, "define --domains counted --from, and leave them" },
};

enum choice { URI, TYPE, KERNEL, DAEMON, MILLIS, COUNT, CLIENTS, FROM, DOMAINS, WAIT, SINCE };

static const struct option choices[] = {
    { "uri", required_argument, NULL, URI },         { "type", required_argument, NULL, TYPE },
    { "kernel", required_argument, NULL, KERNEL },   { "daemon", required_argument, NULL, DAEMON },
    { "millis", required_argument, NULL, MILLIS },   { "count", required_argument, NULL, COUNT },
    { "clients", required_argument, NULL, CLIENTS }, { "from", required_argument, NULL, FROM },
    { "domains", required_argument, NULL, DOMAINS }, { "wait", required_argument, NULL, WAIT },
    { "since", required_argument, NULL, SINCE },     { NULL, 0, NULL, 0 },
};

static int usage(void)
{
    fprintf(stderr, "usage: client COMMAND [--uri=URI] [--daemon=PID] [--millis=N] ...\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        fprintf(stderr, "  %-10s%s\n", commands[i].name, commands[i].about);
    return 1;
}

static bool number(const char *argument, long *value)
{
    char *end;
    errno = 0;
    *value = strtol(argument, &end, 10);
    return !errno && end != argument && !*end && *value >= 0;
}

static bool choose(int choice, const char *argument)
{
    long value = 0;
    switch (choice) {
    case URI: options.uri = argument; return true;
    case TYPE: options.type = argument; return true;
    case KERNEL: options.kernel = argument; return true;
    }
    if (!number(argument, &value))
        return false;
    switch (choice) {
    case DAEMON: options.daemon = value; return true;
    case MILLIS: options.millis = value; return true;
    case COUNT: options.count = value; return true;
    case CLIENTS: options.clients = value; return true;
    case FROM: options.from = value; return true;
    case DOMAINS: options.domains = value; return true;
    case WAIT: options.wait = value; return true;
    case SINCE: options.since = value; return true;
    default: return false;
    }
}

static void silent(void *context, virErrorPtr error)
{
    (void)context;
    (void)error;
}

int main(int argc, char **argv)
{
    int choice;
    while ((choice = getopt_long(argc, argv, "", choices, NULL)) != -1)
        if (!choose(choice, optarg))
            return usage();
    if (optind != argc - 1)
        return usage();
    if (virInitialize() < 0) {
        fprintf(stderr, "the client library cannot be used\n");
        return 2;
    }
    virSetErrorFunc(NULL, silent);          /* failed() tells it */
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        if (!strcmp(argv[optind], commands[i].name))
            return commands[i].run() < 0 || failures ? 2 : 0;
    return usage();
}

/* ---- reports ---- */

int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void figure(double value, const char *unit, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf(" %.6g %s\n", value, unit);
    fflush(stdout);
}

int failed(const char *format, ...)
{
    const char *reason = virGetLastErrorMessage();
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, ": %s\n", virGetLastErrorCode() != VIR_ERR_OK ? reason : "no error given");
    failures++;
    return -1;
}

char *text(const char *format, ...)
{
    char *made = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&made, format, arguments) < 0)
        abort();
    va_end(arguments);
    return made;
}

/* ---- connections ---- */

virConnectPtr connect_or_exit(void)
{
    virConnectPtr connection = virConnectOpen(options.uri);
    if (!connection) {
        failed("open %s", options.uri);
        exit(2);
    }
    return connection;
}

static void *loop(void *context)
{
    (void)context;
    while (virEventRunDefaultImpl() == 0)
        ;
    return NULL;
}

static void nothing(int timer, void *context)
{
    (void)timer;
    (void)context;
}

void run_event_loop(void)
{
    pthread_t thread;
    /* Without any timer the loop could not be told of new work in some versions of the library. */
    if (virEventRegisterDefaultImpl() < 0 || virEventAddTimeout(1000, nothing, NULL, NULL) < 0 ||
        pthread_create(&thread, NULL, loop, NULL)) {
        failed("start the event loop");
        exit(2);
    }
    pthread_detach(thread);
}

/* ---- samples ---- */

void sample(struct samples *samples, int64_t ns)
{
    if (samples->length == samples->capacity) {
        samples->capacity = samples->capacity * 2 + 256;
        samples->ns = realloc(samples->ns, samples->capacity * sizeof(*samples->ns));
        if (!samples->ns)
            abort();
    }
    samples->ns[samples->length++] = ns;
}

void join(struct samples *to, struct samples *from)
{
    for (size_t i = 0; i < from->length; i++)
        sample(to, from->ns[i]);
    free(from->ns);
    *from = (struct samples){ 0 };
}

static int ascending(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* The value that the given share of the sorted samples does not exceed. */
static double quantile(const struct samples *samples, double share)
{
    return samples->ns[(size_t)(share * (samples->length - 1) + 0.5)];
}

void latencies(struct samples *samples, const char *name, const char *unit)
{
    double scale = strcmp(unit, "ms") ? 1e3 : 1e6;
    if (samples->length) {
        qsort(samples->ns, samples->length, sizeof(*samples->ns), ascending);
        figure(quantile(samples, 0.5) / scale, unit, "%s.p50", name);
        figure(quantile(samples, 0.99) / scale, unit, "%s.p99", name);
    }
    free(samples->ns);
    *samples = (struct samples){ 0 };
}

/* CPU time of a process in nanoseconds; 0 if unknown. */
static int64_t cpu_time(pid_t process)
{
    struct timespec time;
    clockid_t clock;
    if (!process || clock_getcpuclockid(process, &clock) || clock_gettime(clock, &time))
        return 0;
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

struct cpu cpu_now(void)
{
    return (struct cpu){ .daemon = cpu_time(options.daemon), .client = cpu_time(getpid()) };
}

void cpu_since(struct cpu begin, const char *name, unsigned long calls)
{
    struct cpu end = cpu_now();
    if (begin.daemon && end.daemon)
        figure((end.daemon - begin.daemon) / 1e3 / calls, "us", "%s.cpu", name);
    figure((end.client - begin.client) / 1e3 / calls, "us", "%s.client", name);
}

void measure(const char *name, operation *run, void *context)
{
    struct samples samples = { 0 };
    if (run(context, 0) < 0) {              /* the first one may fill caches; it is not counted */
        failed("%s", name);
        return;
    }
    struct cpu cpu = cpu_now();
    int64_t begin = now(), at = begin, end = begin + options.millis * 1000000;
    /* Slow operations are repeated thrice even if that takes longer. */
    for (unsigned long turn = 1; at < end || turn <= 3; turn++) {
        int64_t start = at;
        if (run(context, turn) < 0) {
            failed("%s", name);
            break;
        }
        at = now();
        sample(&samples, at - start);
    }
    if (samples.length) {
        figure(samples.length * 1e9 / (at - begin), "1/s", "%s.rate", name);
        cpu_since(cpu, name, samples.length);
    }
    latencies(&samples, name, "us");
}
