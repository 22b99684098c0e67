/*
 * The seam between the plugin ABI (entry.c) and whoever answers. A module links exactly one backend:
 * intune_socket.c asks intune-scepd (scep_intune.so).
 */
#ifndef ISCEP_PLUGIN_BACKEND_H
#define ISCEP_PLUGIN_BACKEND_H

#include "question.h"

/* The plugin's name as scep_plugin.name has it. */
extern const char iscep_backend_name[];

/* As scep_plugin.open; host and instance are not NULL, and every entry has a key and a value. */
int32_t iscep_backend_open(const scep_host *host, const scep_config_entry *config, size_t config_count,
                           scep_instance **instance, scep_text *text);
/* Always fills answer, which begins as DENY. The question has passed iscep_question_check. Any number of threads at
 * once. */
void iscep_backend_ask(scep_instance *instance, iscep_question *question, scep_answer *answer);
void iscep_backend_close(scep_instance *instance);

#endif
