import type { Schema } from "../core/example.ts";

/** The four kinds of node that are worked on; everything else passes through as it is. */
export interface Response {
  description: string;
  headers?: object;
  content?: Record<string, { schema: Schema; example?: unknown; examples?: object }>;
}
export interface Operation {
  parameters?: (Parameter | { $ref: string })[];
  requestBody?: { required: boolean; content: Record<string, { schema: Schema; example?: unknown }> };
  responses: Record<string, Response | { $ref: string }>;
  [member: string]: unknown;
}
export interface Parameter {
  in: string;
  name: string;
  description?: string;
  schema: Schema;
}
export interface Document {
  openapi: string;
  servers: { url: string; description?: string }[];
  paths: Record<string, Record<string, Operation>>;
  webhooks: Record<string, { post: object }>;
  components: {
    schemas: Record<string, Schema>;
    responses: Record<string, Response>;
    parameters: Record<string, Parameter>;
    headers: Record<string, object>;
    securitySchemes: object;
  };
  [member: string]: unknown;
}
