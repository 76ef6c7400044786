// What an integrator writes: capture a customer, read what is there, and be told what is not.
import { client } from "./generated/client.gen.js";
import {
  createCustomer,
  getCustomer,
  getPolicyDetail,
  listCustomers,
  type CustomerAnswer,
  type CustomerBody,
  type Problem,
} from "./generated/index.js";

declare const process: { argv: string[] };

const [, , baseUrl, auth, policyId] = process.argv;
client.setConfig({ baseUrl, auth });

const body: CustomerBody = {
  first_name: "Naledi",
  last_name: "Khumalo",
  passport_number: "A1234567",
  passport_country: "BW",
};
const made = await createCustomer({ body });
if (made.data === undefined) throw new Error(JSON.stringify(made.error));
const customer: CustomerAnswer = made.data;

const read = await getCustomer({ path: { customer_id: customer.id } });
const listed = await listCustomers({ query: { limit: 5 } });
const policy = await getPolicyDetail({ path: { policy_id: policyId } });
const missing = await getCustomer({
  path: { customer_id: "00000000-0000-0000-0000-000000000007" },
});
const problem: Problem | undefined = missing.error;
const refused = await createCustomer({ body: { ...body, passport_country: "Nowhere" } });

console.log(
  JSON.stringify({
    made: customer.id,
    read: read.data?.last_name,
    listed: listed.data?.map((one) => one.id),
    policy: policy.data?.policy.policy_number,
    missing: [missing.response?.status, problem?.status],
    refused: [refused.response?.status, refused.error?.errors?.map((one) => one.pointer)],
  }),
);
