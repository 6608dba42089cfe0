<%@ page contentType="text/html" %>
<p>${total}</p>
