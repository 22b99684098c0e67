/* What to do about a failure, for those codes of our own whose text does not say it already. */
#ifndef ISCEP_INTUNE_ADVICE_H
#define ISCEP_INTUNE_ADVICE_H

/* One clause without a full stop; NULL: there is nothing to add. */
const char *iscep_advice_find(const char *code);

#endif
