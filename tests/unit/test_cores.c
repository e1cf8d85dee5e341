#include "cmocka_all.h"

#include "base/cores.h"
#include "scratch.h"

static void cpu(unsigned n, const char *name, const char *text)
{
    char path[128];

    snprintf(path, sizeof path, "sys/devices/system/cpu/cpu%u/%s", n, name);
    scratch_text(path, text);
}

static struct vanta_cores read_of(const unsigned *cpus, size_t n)
{
    struct vanta_cores cores;

    vanta_cores_read_below(scratch, cpus, n, &cores);
    return cores;
}

static const unsigned eight[] = {0, 1, 2, 3, 4, 5, 6, 7};

static void hyper_threads_share_a_core(void **state)
{
    static const unsigned some[] = {1, 2, 6};
    struct vanta_cores cores;
    char siblings[16];
    unsigned i;

    (void)state;
    for (i = 0; i < 8; i++) {
        snprintf(siblings, sizeof siblings, "%u,%u\n", i % 4, i % 4 + 4);
        cpu(i, "topology/thread_siblings_list", siblings);
    }
    cores = read_of(eight, 8);
    assert_int_equal(cores.usable, 8);
    assert_int_equal(cores.physical, 4);
    assert_int_equal(cores.performance, 4);
    assert_int_equal(vanta_cores_threads(&cores), 4);
    /* 2 and 6 are one core. */
    cores = read_of(some, 3);
    assert_int_equal(cores.usable, 3);
    assert_int_equal(cores.physical, 2);
}

/* One prime core, three fast, four slow. */
static void classes_by_capacity(void **state)
{
    static const char *const capacity[] = {"400\n", "400\n", "400\n", "400\n",
                                           "900\n", "900\n", "900\n", "1024\n"};
    struct vanta_cores cores;
    unsigned i;

    (void)state;
    for (i = 0; i < 8; i++)
        cpu(i, "cpu_capacity", capacity[i]);
    cores = read_of(eight, 8);
    assert_int_equal(cores.physical, 8);
    assert_int_equal(cores.performance, 4);
    assert_int_equal(vanta_cores_threads(&cores), 4);
    cores = read_of(eight, 4); /* the slow ones are all that is ours */
    assert_int_equal(cores.performance, 4);
}

/* Two fast cores of two threads each, four slow ones, as Intel lists them. */
static void classes_of_a_hybrid(void **state)
{
    static const char *const siblings[] = {"0-1\n", "0-1\n", "2-3\n", "2-3\n",
                                           "4\n",   "5\n",   "6\n",   "7\n"};
    static const unsigned slow[] = {5, 6};
    struct vanta_cores cores;
    unsigned i;

    (void)state;
    for (i = 0; i < 8; i++)
        cpu(i, "topology/thread_siblings_list", siblings[i]);
    scratch_text("sys/devices/cpu_core/cpus", "0-3\n");
    cores = read_of(eight, 8);
    assert_int_equal(cores.physical, 6);
    assert_int_equal(cores.performance, 2);
    cores = read_of(slow, 2);
    assert_int_equal(cores.performance, 2);
}

static void a_quota_of_the_group_or_one_above(void **state)
{
    struct vanta_cores cores;

    (void)state;
    scratch_text("proc/self/cgroup", "0::/a/b\n");
    cores = read_of(eight, 8);
    assert_true(cores.quota == 0);
    assert_int_equal(vanta_cores_threads(&cores), 8);
    scratch_text("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    cores = read_of(eight, 8);
    assert_true(cores.quota == 0);
    scratch_text("sys/fs/cgroup/a/cpu.max", "250000 100000\n");
    cores = read_of(eight, 8);
    assert_true(cores.quota == 2.5);
    assert_int_equal(vanta_cores_threads(&cores), 3);
    scratch_text("sys/fs/cgroup/a/b/cpu.max", "50000 100000\n");
    cores = read_of(eight, 8);
    assert_true(cores.quota == 0.5);
    assert_int_equal(vanta_cores_threads(&cores), 1);
}

static void a_quota_of_the_old_kind(void **state)
{
    struct vanta_cores cores;

    (void)state;
    scratch_text("proc/self/cgroup", "3:cpu:/x\n");
    scratch_text("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    scratch_text("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    cores = read_of(eight, 8);
    assert_true(cores.quota == 0);
    scratch_text("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "400000\n");
    cores = read_of(eight, 8);
    assert_true(cores.quota == 4);
    assert_int_equal(vanta_cores_threads(&cores), 4);
}

static void files_of_nonsense_are_no_cores(void **state)
{
    struct vanta_cores cores;

    (void)state;
    cpu(0, "topology/thread_siblings_list", "");
    cpu(0, "cpu_capacity", "-5\n");
    scratch_text("sys/devices/cpu_core/cpus", "x-,,9\n");
    scratch_text("proc/self/cgroup", "0::\n");
    scratch_text("sys/fs/cgroup/cpu.max", "100000 0\n");
    cores = read_of(eight, 2);
    assert_int_equal(cores.usable, 2);
    assert_int_equal(cores.physical, 2);
    assert_int_equal(cores.performance, 2);
    assert_true(cores.quota == 0);
    cores = read_of(eight, 0);
    assert_int_equal(vanta_cores_threads(&cores), 1);
}

static void this_machine_has_some(void **state)
{
    struct vanta_cores cores;
    long online = sysconf(_SC_NPROCESSORS_ONLN);

    (void)state;
    vanta_cores_read(&cores);
    assert_in_range(cores.usable, 1, online);
    assert_in_range(cores.physical, 1, cores.usable);
    assert_in_range(cores.performance, 1, cores.physical);
    assert_in_range(vanta_cores_threads(&cores), 1, cores.physical);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(hyper_threads_share_a_core),
        scratch_test(classes_by_capacity),
        scratch_test(classes_of_a_hybrid),
        scratch_test(a_quota_of_the_group_or_one_above),
        scratch_test(a_quota_of_the_old_kind),
        scratch_test(files_of_nonsense_are_no_cores),
        cmocka_unit_test(this_machine_has_some),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
