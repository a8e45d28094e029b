// The certified provider of npm, with people and keys that a test gives as JSON in PROVIDER.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const given = JSON.parse(process.env.PROVIDER);
const provider = new Provider(given.issuer, {
  clients: given.clients,
  jwks: given.jwks,
  cookies: { keys: ["of a test"] },
  claims: { openid: ["sub"], profile: ["name", "groups"], email: ["email", "email_verified"] },
  findAccount: (_, login) => ({
    accountId: login,
    claims: () => ({ sub: login, ...given.people[login] }),
  }),
  // The organisation consented for its people.
  loadExistingGrant: async (ctx) => {
    const { client, session } = ctx.oidc;
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope("openid profile email");
    await grant.save();
    return grant;
  },
});
createServer(provider.callback()).listen(given.port, "127.0.0.1");
