/* Where Intune's services live below the public URL: what discovery says and what the routes answer are one thing. */
#ifndef MOCK_SERVICE_PATHS_H
#define MOCK_SERVICE_PATHS_H

#define MOCK_SCEP_PATH          "/RACerts/StatelessScepRequestValidationService"
#define MOCK_PKI_CONNECTOR_PATH "/StatelessPkiConnectorService"
/* And where Azure has its metadata service. */
#define MOCK_IMDS_PATH "/metadata/identity/oauth2/token"

#endif
