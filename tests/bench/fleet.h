/* iscep-bench fleet: devices of several platforms enrol over SCEP (docs/FLEET.md). */
#ifndef BENCH_FLEET_H
#define BENCH_FLEET_H

/* argv[0] is "fleet". Returns the exit code. */
int fleet_main(int argc, char **argv);

#endif
