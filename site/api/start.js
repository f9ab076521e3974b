// The viewer on this edge's own description; a key that is typed in stays in this tab.
window.SwaggerUIBundle({ url: '/openapi.json', dom_id: '#api', deepLinking: true, persistAuthorization: false });
