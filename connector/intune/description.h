/* A sentence for Intune's console: how long it may be there. */
#ifndef ISCEP_INTUNE_DESCRIPTION_H
#define ISCEP_INTUNE_DESCRIPTION_H

#define ISCEP_DESCRIPTION_MAX_CHARS 255
#define ISCEP_DESCRIPTION_SIZE      (ISCEP_DESCRIPTION_MAX_CHARS * 4 + 1)

/*
 * The first 255 characters of text, counted as UTF-16 units as Microsoft's side counts them; of otherwise if text is
 * NULL or empty, because it must not be empty.
 */
void iscep_description_cut(char out[ISCEP_DESCRIPTION_SIZE], const char *text, const char *otherwise);

#endif
