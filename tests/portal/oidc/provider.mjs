// A provider of OpenID Connect as ProConnect is one: signed userinfo, client_secret_post, claims of its own.
// It prints its port, and serves until its standard input is closed.
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const [secret, callbacks, after] = [process.argv[2], process.argv[3].split(','), process.argv[4]];
const jwk = (pair, more) => ({ ...pair.privateKey.export({ format: 'jwk' }), use: 'sig', ...more });
const keys = [
  jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }), { kid: 'ec', alg: 'ES256' }),
  jwk(generateKeyPairSync('rsa', { modulusLength: 2048 }), { kid: 'rsa', alg: 'RS256' }),
];
const client = (alg, id = `portal-${alg.toLowerCase()}`) => ({
  client_id: id,
  client_secret: secret,
  redirect_uris: callbacks,
  post_logout_redirect_uris: [after],
  response_types: ['code'],
  grant_types: ['authorization_code'],
  token_endpoint_auth_method: 'client_secret_post',
  id_token_signed_response_alg: alg,
  userinfo_signed_response_alg: alg,
});
const CLAIMS = ['given_name', 'usual_name', 'email', 'email_verified', 'uid', 'idp_id', 'siret', 'phone_number'];
const accounts = new Map();

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [client('ES256'), client('RS256'), client('HS256'), client('ES256', 'portal-plain')],
    jwks: { keys },
    scopes: ['openid', 'given_name', 'usual_name', 'email', 'uid', 'idp_id', 'siret', 'phone'],
    claims: {
      openid: ['sub'], given_name: ['given_name'], usual_name: ['usual_name'], email: ['email', 'email_verified'],
      uid: ['uid'], idp_id: ['idp_id'], siret: ['siret'], phone: ['phone_number'], acr: null, amr: null, auth_time: null,
    },
    acrValues: ['eidas1', 'eidas2', 'eidas3', 'https://proconnect.gouv.fr/assurance/self-asserted-2fa'],
    conformIdTokenClaims: true,
    enabledJWA: {
      idTokenSigningAlgValues: ['ES256', 'RS256', 'HS256'],
      userinfoSigningAlgValues: ['ES256', 'RS256', 'HS256'],
    },
    features: {
      devInteractions: { enabled: false },
      jwtUserinfo: { enabled: true },
      claimsParameter: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => { ctx.body = `<html><body>${form}</body></html>`; },
      },
    },
    pkce: { required: (_ctx, its) => its.clientId !== 'portal-plain' },
    cookies: { keys: ['a key of the tests'] },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...accounts.get(id) }) }),
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId,
      });
      grant.addOIDCScope('openid given_name usual_name email uid idp_id siret phone');
      grant.addOIDCClaims(CLAIMS);
      await grant.save();
      return grant;
    },
  });
  const answer = provider.callback();
  server.on('request', (request, response) => {
    const url = new URL(request.url, 'http://127.0.0.1');
    if (!url.pathname.startsWith('/interaction/') || !url.searchParams.has('outcome')) {
      if (url.pathname.startsWith('/interaction/')) { response.end('who are you?'); return; }
      answer(request, response);
      return;
    }
    // What the person of the test does: `outcome` is the account to log in as, or an error, in JSON.
    const outcome = JSON.parse(url.searchParams.get('outcome'));
    if (outcome.error) {
      provider.interactionFinished(request, response, outcome);
      return;
    }
    const { sub, amr, acr, ...claims } = outcome;
    accounts.set(sub, claims);
    provider.interactionFinished(request, response, { login: { accountId: sub, amr, acr, remember: false } });
  });
  process.stdout.write(`${port}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
