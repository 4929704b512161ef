// Shows the gateway's OpenAPI document; a key that is typed in stays in this page.
window.addEventListener("load", () => {
  window.SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#api",
    deepLinking: true,
    persistAuthorization: false,
    validatorUrl: null,
  });
});
