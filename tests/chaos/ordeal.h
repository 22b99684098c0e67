/* What is done while the fleet enrols: kills, faults, and revocations that are asked for. */
#ifndef CHAOS_ORDEAL_H
#define CHAOS_ORDEAL_H

#include "aim.h"
#include "fleet.h"
#include "program.h"

typedef struct chaos_ordeal {
    const char *title;
    chaos_program *connector; /* runs */
    chaos_program *host;      /* runs; killed now and then */
    chaos_fleet *fleet;       /* enrols */
    chaos_intune intune;
    chaos_aim *aim;
    chance random;
    uint32_t kills;
    int64_t revocations_asked;
} chaos_ordeal;

/* Afterwards there are no faults, and the connector runs. */
iscep_status chaos_ordeal_run(chaos_ordeal *ordeal, iscep_error *err) ISCEP_CHECKED;

#endif
